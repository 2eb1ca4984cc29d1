//! The benchmarked handlers as components, one binary for each. `bench-` stands before their names, because all
//! components lie in one directory.
