//! The benchmarked handlers as components, one binary for each. Their names begin with `bench-`, because all
//! components lie in one directory.
