//! The functions of WASI preview 1: their types, and the parts of the caller's memory that each of them reads
//! and writes.

use wasm_encoder::ValType;

/// A parameter. Pointers describe their targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Param {
    I32,
    I64,
    /// To bytes that are read.
    In(Bytes),
    /// To bytes that are all written, unless the call fails.
    Out(Bytes),
    /// To bytes of which some may be written.
    InOut(Bytes),
}

/// The number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bytes {
    Fixed(u32),
    /// This many elements of a size, as given by the parameter with that index.
    Each {
        count: u32,
        size: u32,
    },
}

/// How a call of the program becomes a call of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The data behind pointers is copied.
    Copied,
    /// The second and third parameters are buffers, whose bytes are copied and written.
    Written,
    /// The second and third parameters are buffers, which are read into.
    Read,
    /// It fills a list of pointers to strings; another function returns their number and total length.
    Strings { sizes: &'static str },
    /// The adapter would trap. This is the result instead.
    Answered(i32),
}

/// A function of preview 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) params: &'static [Param],
    /// Whether it returns an error number.
    pub(super) has_result: bool,
    pub(super) way: Way,
}

impl Param {
    fn ty(self) -> ValType {
        match self {
            Self::I64 => ValType::I64,
            Self::I32 | Self::In(_) | Self::Out(_) | Self::InOut(_) => ValType::I32,
        }
    }

    /// Its target, if it is a pointer.
    pub(super) fn bytes(self) -> Option<Bytes> {
        match self {
            Self::In(bytes) | Self::Out(bytes) | Self::InOut(bytes) => Some(bytes),
            Self::I32 | Self::I64 => None,
        }
    }
}

impl Function {
    /// The function of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        FUNCTIONS.iter().find(|function| function.name == name)
    }

    pub(super) fn params(&self) -> Vec<ValType> {
        self.params.iter().map(|param| param.ty()).collect()
    }

    pub(super) fn results(&self) -> Vec<ValType> {
        self.has_result.then_some(ValType::I32).into_iter().collect()
    }

    /// Whether the adapter can be called directly, since there is no pointer.
    pub(super) fn is_direct(&self) -> bool {
        self.way == Way::Copied && self.params.iter().all(|param| param.bytes().is_none())
    }
}

const fn copied(name: &'static str, params: &'static [Param]) -> Function {
    Function { name, params, has_result: true, way: Way::Copied }
}

const fn without_result(name: &'static str, params: &'static [Param]) -> Function {
    Function { name, params, has_result: false, way: Way::Copied }
}

const fn other(name: &'static str, params: &'static [Param], way: Way) -> Function {
    Function { name, params, has_result: true, way }
}

/// A path whose length is the parameter with this index.
const fn path(length: u32) -> Param {
    Param::In(Bytes::Each { count: length, size: 1 })
}

/// A buffer whose length is the parameter with this index.
const fn buffer(length: u32) -> Param {
    Param::InOut(Bytes::Each { count: length, size: 1 })
}

const I32: Param = Param::I32;
const I64: Param = Param::I64;
const WORD: Param = Param::Out(Bytes::Fixed(4));
const LONG: Param = Param::Out(Bytes::Fixed(8));
const FDSTAT: Param = Param::Out(Bytes::Fixed(24));
const FILESTAT: Param = Param::Out(Bytes::Fixed(64));

/// `acces`: the error that a program for WASI 0.2 gets when it asks for a socket.
const DENIED: Way = Way::Answered(2);
/// `notsup`.
const NOT_SUPPORTED: Way = Way::Answered(58);

pub(super) const FUNCTIONS: &[Function] = &[
    other("args_get", &[I32, I32], Way::Strings { sizes: "args_sizes_get" }),
    copied("args_sizes_get", &[WORD, WORD]),
    other("environ_get", &[I32, I32], Way::Strings { sizes: "environ_sizes_get" }),
    copied("environ_sizes_get", &[WORD, WORD]),
    copied("clock_res_get", &[I32, LONG]),
    copied("clock_time_get", &[I32, I64, LONG]),
    copied("fd_advise", &[I32, I64, I64, I32]),
    copied("fd_allocate", &[I32, I64, I64]),
    copied("fd_close", &[I32]),
    copied("fd_datasync", &[I32]),
    copied("fd_fdstat_get", &[I32, FDSTAT]),
    copied("fd_fdstat_set_flags", &[I32, I32]),
    copied("fd_fdstat_set_rights", &[I32, I64, I64]),
    copied("fd_filestat_get", &[I32, FILESTAT]),
    copied("fd_filestat_set_size", &[I32, I64]),
    copied("fd_filestat_set_times", &[I32, I64, I64, I32]),
    other("fd_pread", &[I32, I32, I32, I64, WORD], Way::Read),
    copied("fd_prestat_get", &[I32, LONG]),
    copied("fd_prestat_dir_name", &[I32, buffer(2), I32]),
    other("fd_pwrite", &[I32, I32, I32, I64, WORD], Way::Written),
    other("fd_read", &[I32, I32, I32, WORD], Way::Read),
    copied("fd_readdir", &[I32, buffer(2), I32, I64, WORD]),
    copied("fd_renumber", &[I32, I32]),
    copied("fd_seek", &[I32, I64, I32, LONG]),
    copied("fd_sync", &[I32]),
    copied("fd_tell", &[I32, LONG]),
    other("fd_write", &[I32, I32, I32, WORD], Way::Written),
    copied("path_create_directory", &[I32, path(2), I32]),
    copied("path_filestat_get", &[I32, I32, path(3), I32, FILESTAT]),
    copied("path_filestat_set_times", &[I32, I32, path(3), I32, I64, I64, I32]),
    copied("path_link", &[I32, I32, path(3), I32, I32, path(6), I32]),
    copied("path_open", &[I32, I32, path(3), I32, I32, I64, I64, I32, WORD]),
    copied("path_readlink", &[I32, path(2), I32, buffer(4), I32, WORD]),
    copied("path_remove_directory", &[I32, path(2), I32]),
    copied("path_rename", &[I32, path(2), I32, I32, path(5), I32]),
    copied("path_symlink", &[path(1), I32, I32, path(4), I32]),
    copied("path_unlink_file", &[I32, path(2), I32]),
    copied(
        "poll_oneoff",
        &[
            Param::In(Bytes::Each { count: 2, size: 48 }),
            Param::InOut(Bytes::Each { count: 2, size: 32 }),
            I32,
            WORD,
        ],
    ),
    without_result("proc_exit", &[I32]),
    other("proc_raise", &[I32], NOT_SUPPORTED),
    copied("random_get", &[buffer(1), I32]),
    copied("sched_yield", &[]),
    other("sock_accept", &[I32, I32, I32], DENIED),
    other("sock_recv", &[I32, I32, I32, I32, I32, I32], DENIED),
    other("sock_send", &[I32, I32, I32, I32, I32], DENIED),
    copied("sock_shutdown", &[I32, I32]),
    // Functions of the adapter itself.
    copied("adapter_open_badfd", &[WORD]),
    copied("adapter_close_badfd", &[I32]),
    without_result("adapter_monotonic_clock_set_paused", &[I32]),
    without_result("reset_adapter_state", &[]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_parameters_that_are_numbers() {
        for function in FUNCTIONS {
            for bytes in function.params.iter().filter_map(|param| param.bytes()) {
                if let Bytes::Each { count, .. } = bytes {
                    assert_eq!(function.params[count as usize], I32, "{}", function.name);
                }
            }
        }
    }

    #[test]
    fn only_what_has_no_pointer_is_called_directly() {
        let direct = |name| Function::named(name).unwrap().is_direct();
        assert!(direct("proc_exit") && direct("fd_close") && direct("sched_yield"));
        assert!(
            !direct("fd_write") && !direct("random_get") && !direct("args_get") && !direct("sock_accept")
        );
        assert_eq!(Function::named("sock_open"), None);
    }
}
