//! Helper functions that all calls share, added to the program's module.
//!
//! They own the first page of the adapter's memory. Its first bytes are the words below; the rest is room for
//! copied data. The two pages after it belong to the adapter; after these come areas for data that does not
//! fit.

use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

/// The address of the larger area, if there is one.
const AREA: u32 = 0;
/// Its size.
const AREA_SIZE: u32 = 4;
/// A buffer for `fd_read` and `fd_write`: its address and length.
pub(super) const VECTOR: u32 = 8;
/// A word that the adapter writes.
pub(super) const FIRST: u32 = 16;
/// Another one.
pub(super) const SECOND: u32 = 20;
/// The address of the last page that the adapter has allocated.
const LAST: u32 = 24;
/// Room for copied data.
pub(super) const DATA: u32 = 32;
/// The size of that room.
pub(super) const ROOM: u32 = PAGE - DATA;
/// A page of memory.
const PAGE: u32 = 1 << 16;
/// The number of pages of the memory: this one, and those that the adapter allocates for its stack and state.
pub(super) const PAGES: u32 = 3;

/// The two memories of a rewritten module.
#[derive(Debug, Clone, Copy)]
pub(super) struct Memories {
    /// The program's.
    pub(super) program: u32,
    /// The adapter's.
    pub(super) adapter: u32,
}

/// A helper, with its type.
pub(super) struct Helper {
    pub(super) params: &'static [ValType],
    pub(super) result: ValType,
    pub(super) body: Function,
}

/// The order of the helpers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    Span,
    Reserve,
    Gather,
    Scatter,
    Length,
    Realloc,
}

/// All helpers, in the order of their [`Name`]s.
pub(super) fn all(memories: Memories) -> [Helper; 6] {
    use ValType::{I32, I64};
    [
        Helper { params: &[I32, I64], result: I64, body: span(memories.program) },
        Helper { params: &[I64], result: I32, body: reserve(memories.adapter) },
        Helper { params: &[I32, I32, I32, I32], result: I32, body: across(memories, Name::Gather) },
        Helper { params: &[I32, I32, I32, I32], result: I32, body: across(memories, Name::Scatter) },
        Helper { params: &[I32, I32], result: I64, body: length(memories.program) },
        Helper { params: &[I32, I32, I32, I32], result: I32, body: realloc(memories.adapter) },
    ]
}

/// A word of a memory, at an offset from the address on the stack.
pub(super) fn word(memory_index: u32, offset: u32) -> MemArg {
    MemArg { offset: offset.into(), align: 2, memory_index }
}

pub(super) fn constant<'a, 'b>(code: &'a mut InstructionSink<'b>, value: u32) -> &'a mut InstructionSink<'b> {
    code.i32_const(value.cast_signed())
}

/// The aligned size of this many bytes at this address. Traps if they are not all in the program's memory.
fn span(program: u32) -> Function {
    let (pointer, length) = (0, 1);
    let mut function = Function::new([]);
    let mut code = function.instructions();
    code.local_get(pointer).i64_extend_i32_u().local_get(length).i64_add();
    code.memory_size(program).i64_extend_i32_u().i64_const(16).i64_shl().i64_gt_u();
    code.if_(BlockType::Empty);
    // Beyond the end of any memory: it traps, like an access to these bytes would.
    code.i32_const(-1)
        .i32_load8_u(MemArg { offset: u32::MAX.into(), align: 0, memory_index: program })
        .drop();
    code.end();
    code.local_get(length).i64_const(7).i64_add().i64_const(-8).i64_and().end();
    function
}

/// An address with this much room in the adapter's memory, or 0 if there is none.
fn reserve(adapter: u32) -> Function {
    let (size, page) = (0, 1);
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    code.local_get(size).i64_const(ROOM.into()).i64_le_u().if_(BlockType::Empty);
    constant(&mut code, DATA).return_().end();
    code.local_get(size).i32_const(0).i32_load(word(adapter, AREA_SIZE)).i64_extend_i32_u().i64_gt_u();
    code.if_(BlockType::Empty);
    code.local_get(size).i64_const((PAGE - 1).into()).i64_add().i64_const(16).i64_shr_u().i32_wrap_i64();
    code.memory_grow(adapter).local_tee(page).i32_const(-1).i32_eq();
    code.if_(BlockType::Empty).i32_const(0).return_().end();
    code.i32_const(0).local_get(page).i32_const(16).i32_shl().i32_store(word(adapter, AREA));
    code.i32_const(0).local_get(size).i64_const((PAGE - 1).into()).i64_add();
    code.i64_const(-i64::from(PAGE)).i64_and().i32_wrap_i64().i32_store(word(adapter, AREA_SIZE));
    code.end();
    code.i32_const(0).i32_load(word(adapter, AREA)).end();
    function
}

/// Copies bytes from a list of buffers to the room, or from the room to them, and returns the number. Skips a
/// number of bytes of the buffers, and copies at most `most`.
fn across(memories: Memories, name: Name) -> Function {
    let (list, count, skip, most) = (0, 1, 2, 3);
    let (pointer, rest, copied, part) = (4, 5, 6, 7);
    let mut function = Function::new([(4, ValType::I32)]);
    let mut code = function.instructions();
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(count).i32_eqz().br_if(1);
    code.local_get(list).i32_load(word(memories.program, 0)).local_set(pointer);
    code.local_get(list).i32_load(word(memories.program, 4)).local_set(rest);
    code.local_get(skip).local_get(rest).i32_ge_u().if_(BlockType::Empty);
    code.local_get(skip).local_get(rest).i32_sub().local_set(skip);
    code.else_();
    code.local_get(pointer).local_get(skip).i32_add().local_set(pointer);
    code.local_get(rest).local_get(skip).i32_sub().local_tee(rest);
    code.local_get(most).local_get(copied).i32_sub().local_tee(part);
    code.local_get(rest).local_get(part).i32_lt_u().select().local_set(part);
    let room = |code: &mut InstructionSink<'_>| {
        constant(code, DATA).local_get(copied).i32_add();
    };
    if name == Name::Scatter {
        code.local_get(pointer);
        room(&mut code);
        code.local_get(part).memory_copy(memories.program, memories.adapter);
    } else {
        room(&mut code);
        code.local_get(pointer).local_get(part).memory_copy(memories.adapter, memories.program);
    }
    code.i32_const(0).local_set(skip);
    code.local_get(copied).local_get(part).i32_add().local_tee(copied);
    code.local_get(most).i32_eq().br_if(2);
    code.end();
    code.local_get(list).i32_const(8).i32_add().local_set(list);
    code.local_get(count).i32_const(1).i32_sub().local_set(count);
    code.br(0).end().end().local_get(copied).end();
    function
}

/// The number of bytes in a list of buffers.
fn length(program: u32) -> Function {
    let (list, count, sum) = (0, 1, 2);
    let mut function = Function::new([(1, ValType::I64)]);
    let mut code = function.instructions();
    code.block(BlockType::Empty).loop_(BlockType::Empty);
    code.local_get(count).i32_eqz().br_if(1);
    code.local_get(list)
        .i32_load(word(program, 4))
        .i64_extend_i32_u()
        .local_get(sum)
        .i64_add()
        .local_set(sum);
    code.local_get(list).i32_const(8).i32_add().local_set(list);
    code.local_get(count).i32_const(1).i32_sub().local_set(count);
    code.br(0).end().end().local_get(sum).end();
    function
}

/// Gives the adapter its pages from the start, so that no event waits for memory to grow.
fn realloc(adapter: u32) -> Function {
    let (size, page) = (3, 4);
    let mut function = Function::new([(1, ValType::I32)]);
    let mut code = function.instructions();
    constant(code.local_get(size), PAGE).i32_ne();
    constant(code.i32_const(0).i32_load(word(adapter, LAST)), (PAGES - 1) * PAGE).i32_ge_u().i32_or();
    code.if_(BlockType::Empty).unreachable().end();
    constant(code.i32_const(0).i32_const(0).i32_load(word(adapter, LAST)), PAGE).i32_add();
    code.local_tee(page).i32_store(word(adapter, LAST)).local_get(page).end();
    function
}
