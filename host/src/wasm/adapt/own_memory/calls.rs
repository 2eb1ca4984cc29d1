//! The functions that the program calls in place of the adapter's: they copy the data behind pointers into
//! the adapter's memory before the call, and back after it.

use wasm_encoder::{BlockType, Function as Body, InstructionSink, ValType};

use super::functions::{Bytes, Function, Param, Way};
use super::helpers::{DATA, FIRST, Memories, Name, ROOM, SECOND, VECTOR, constant, word};

/// `nomem`: there is not enough memory for the copied data.
const NO_MEMORY: i32 = 48;
/// `intr`: the adapter's result when no bytes were requested although more could be read.
const INTERRUPTED: i32 = 27;

/// The functions that can be called.
pub(super) struct Calls<'a> {
    pub(super) memories: Memories,
    /// The adapter's functions, in the order in which they are imported.
    pub(super) imports: &'a [&'static Function],
    /// The index of the first helper.
    pub(super) helpers: u32,
}

impl Calls<'_> {
    /// The body of the replacement of this function.
    pub(super) fn body(&self, function: &Function) -> Body {
        match function.way {
            Way::Copied => self.copied(function),
            Way::Written => self.written(function),
            Way::Read => self.read(function),
            Way::Strings { sizes } => self.strings(function, sizes),
            Way::Answered(number) => answered(number),
        }
    }

    fn helper(&self, name: Name) -> u32 {
        self.helpers + name as u32
    }

    /// The index of one of the adapter's functions. All that are requested are imported.
    fn import(&self, name: &str) -> u32 {
        let position = self.imports.iter().position(|import| import.name == name);
        position.and_then(|position| u32::try_from(position).ok()).unwrap_or_default()
    }

    fn copied(&self, function: &Function) -> Body {
        let (places, size) = Place::all(function);
        let (sum, error) = (size.locals, size.locals + 1);
        let words = size.locals - size.params;
        let mut body = Body::new([(words, ValType::I32), (1, ValType::I64), (1, ValType::I32)]);
        let mut code = body.instructions();
        if words > 0 {
            self.lay_out(&mut code, &places, sum);
        }
        let Memories { program, adapter } = self.memories;
        for place in places.iter().filter(|place| !matches!(place.what, Param::Out(_))) {
            place.address(&mut code);
            code.local_get(place.param);
            place.length(&mut code);
            code.memory_copy(adapter, program);
        }
        for param in 0..size.params {
            match places.iter().find(|place| place.param == param) {
                Some(place) => place.address(&mut code),
                None => _ = code.local_get(param),
            }
        }
        code.call(self.import(function.name)).local_tee(error).i32_eqz().if_(BlockType::Empty);
        for place in places.iter().filter(|place| !matches!(place.what, Param::In(_))) {
            code.local_get(place.param);
            place.address(&mut code);
            place.length(&mut code);
            code.memory_copy(program, adapter);
        }
        code.end().local_get(error).end();
        body
    }

    /// Reserves room for all copied data, and computes the address of each part.
    fn lay_out(&self, code: &mut InstructionSink<'_>, places: &[Place], sum: u32) {
        let locals = || places.iter().filter_map(|place| Some((place, place.local?)));
        for (place, local) in locals() {
            code.local_get(sum).i32_wrap_i64().local_set(local);
            code.local_get(place.param);
            place.long_length(code);
            code.call(self.helper(Name::Span)).local_get(sum).i64_add().local_set(sum);
        }
        let Some((_, base)) = locals().next() else { return };
        self.reserve(code, sum, base);
        for (_, local) in locals().skip(1) {
            code.local_get(local).local_get(base).i32_add().local_set(local);
        }
    }

    /// Puts the address of this much room into a local, or returns that there is none.
    fn reserve(&self, code: &mut InstructionSink<'_>, sum: u32, address: u32) {
        code.local_get(sum).call(self.helper(Name::Reserve)).local_tee(address).i32_eqz();
        code.if_(BlockType::Empty).i32_const(NO_MEMORY).return_().end();
    }

    fn written(&self, function: &Function) -> Body {
        let params = u32::try_from(function.params.len()).unwrap_or_default();
        let (total, part, error) = (params, params + 1, params + 2);
        let mut body = Body::new([(3, ValType::I32)]);
        let mut code = body.instructions();
        code.block(BlockType::Empty).loop_(BlockType::Empty);
        code.local_get(1).local_get(2).local_get(total);
        constant(&mut code, ROOM).call(self.helper(Name::Gather)).local_tee(part);
        code.i32_eqz().local_get(total).i32_const(0).i32_ne().i32_and().br_if(1);
        self.call_with_room(&mut code, function, total, part);
        code.local_tee(error).if_(BlockType::Empty);
        code.local_get(total).br_if(2).local_get(error).return_().end();
        self.first(&mut code).local_get(total).i32_add().local_set(total);
        constant(self.first(&mut code), ROOM).i32_eq().br_if(0).end().end();
        self.succeed(&mut code, params, total);
        body
    }

    fn read(&self, function: &Function) -> Body {
        let params = u32::try_from(function.params.len()).unwrap_or_default();
        let (total, part, error, all) = (params, params + 1, params + 2, params + 3);
        let mut body = Body::new([(3, ValType::I32), (1, ValType::I64)]);
        let mut code = body.instructions();
        code.local_get(1).local_get(2).call(self.helper(Name::Length)).local_set(all);
        code.block(BlockType::Empty).loop_(BlockType::Empty);
        let left = |code: &mut InstructionSink<'_>| {
            code.local_get(all).local_get(total).i64_extend_i32_u().i64_sub();
        };
        left(&mut code);
        code.i64_const(ROOM.into());
        left(&mut code);
        code.i64_const(ROOM.into()).i64_lt_u().select().i32_wrap_i64().local_set(part);
        self.call_with_room(&mut code, function, total, part);
        code.local_tee(error).if_(BlockType::Empty);
        code.local_get(total).br_if(2);
        // A request for no bytes is complete.
        code.local_get(error).i32_const(INTERRUPTED).i32_eq().local_get(part).i32_eqz().i32_and().br_if(2);
        code.local_get(error).return_().end();
        self.first(&mut code).local_set(part);
        code.local_get(1)
            .local_get(2)
            .local_get(total)
            .local_get(part)
            .call(self.helper(Name::Scatter))
            .drop();
        code.local_get(total).local_get(part).i32_add().local_set(total);
        constant(code.local_get(part), ROOM).i32_eq();
        left(&mut code);
        code.i64_const(0).i64_ne().i32_and().br_if(0).end().end();
        self.succeed(&mut code, params, total);
        body
    }

    /// Calls a function with one buffer, which is the room. This many bytes were processed before.
    fn call_with_room(&self, code: &mut InstructionSink<'_>, function: &Function, total: u32, part: u32) {
        constant(code, VECTOR);
        constant(code, DATA).i32_store(word(self.memories.adapter, 0));
        constant(code, VECTOR).local_get(part).i32_store(word(self.memories.adapter, 4));
        constant(code.local_get(0), VECTOR).i32_const(1);
        if function.params.contains(&Param::I64) {
            code.local_get(3).local_get(total).i64_extend_i32_u().i64_add();
        }
        constant(code, FIRST).call(self.import(function.name));
    }

    /// The word that the adapter has written.
    fn first<'a, 'b>(&self, code: &'a mut InstructionSink<'b>) -> &'a mut InstructionSink<'b> {
        code.i32_const(0).i32_load(word(self.memories.adapter, FIRST))
    }

    /// Writes the number of bytes to the last parameter, and returns success.
    fn succeed(&self, code: &mut InstructionSink<'_>, params: u32, total: u32) {
        code.local_get(params - 1).local_get(total).i32_store(word(self.memories.program, 0));
        code.i32_const(0).end();
    }

    fn strings(&self, function: &Function, sizes: &str) -> Body {
        let (list, buffer) = (0, 1);
        let (count, size, base, strings, error, sum) = (2, 3, 4, 5, 6, 7);
        let Memories { program, adapter } = self.memories;
        let mut body = Body::new([(5, ValType::I32), (1, ValType::I64)]);
        let mut code = body.instructions();
        constant(&mut code, FIRST);
        constant(&mut code, SECOND).call(self.import(sizes)).local_tee(error).if_(BlockType::Empty);
        code.local_get(error).return_().end();
        self.first(&mut code).i32_const(2).i32_shl().local_set(count);
        code.i32_const(0).i32_load(word(adapter, SECOND)).local_set(size);
        code.local_get(list).local_get(count).i64_extend_i32_u().call(self.helper(Name::Span)).local_tee(sum);
        code.i32_wrap_i64().local_set(strings);
        code.local_get(buffer).local_get(size).i64_extend_i32_u().call(self.helper(Name::Span));
        code.local_get(sum).i64_add().local_set(sum);
        self.reserve(&mut code, sum, base);
        code.local_get(base).local_get(strings).i32_add().local_set(strings);
        code.local_get(base).local_get(strings).call(self.import(function.name)).local_tee(error);
        code.if_(BlockType::Empty).local_get(error).return_().end();
        code.local_get(buffer).local_get(strings).local_get(size).memory_copy(program, adapter);
        // From the last pointer to the first; each gets the new address of its string.
        code.block(BlockType::Empty).loop_(BlockType::Empty).local_get(count).i32_eqz().br_if(1);
        code.local_get(count).i32_const(4).i32_sub().local_set(count);
        code.local_get(list).local_get(count).i32_add();
        code.local_get(base).local_get(count).i32_add().i32_load(word(adapter, 0));
        code.local_get(strings).i32_sub().local_get(buffer).i32_add().i32_store(word(program, 0));
        code.br(0).end().end().i32_const(0).end();
        body
    }
}

fn answered(number: i32) -> Body {
    let mut body = Body::new([]);
    body.instructions().i32_const(number).end();
    body
}

/// The address in the adapter's memory of the bytes that a parameter points to.
struct Place {
    param: u32,
    what: Param,
    bytes: Bytes,
    /// The local with the address; `None` if it is known in advance.
    local: Option<u32>,
    /// The part that is known in advance.
    address: u32,
}

/// The number of locals of a function.
struct Size {
    params: u32,
    /// Including those for addresses.
    locals: u32,
}

impl Place {
    /// One for each pointer. Without a length parameter, all addresses are known.
    fn all(function: &Function) -> (Vec<Self>, Size) {
        let params = u32::try_from(function.params.len()).unwrap_or_default();
        let pointers =
            (0..).zip(function.params).filter_map(|(index, param)| Some((index, *param, param.bytes()?)));
        let mut places: Vec<Self> = Vec::new();
        let (mut locals, mut address) = (params, DATA);
        let is_fixed = function.params.iter().all(|param| !matches!(param.bytes(), Some(Bytes::Each { .. })));
        for (param, what, bytes) in pointers {
            let local = (!is_fixed).then_some(locals);
            places.push(Self { param, what, bytes, local, address });
            locals += u32::from(!is_fixed);
            if let Bytes::Fixed(length) = bytes {
                address += length.next_multiple_of(8);
            }
        }
        (places, Size { params, locals })
    }

    fn address(&self, code: &mut InstructionSink<'_>) {
        match self.local {
            Some(local) => _ = code.local_get(local),
            None => _ = constant(code, self.address),
        }
    }

    fn length(&self, code: &mut InstructionSink<'_>) {
        match self.bytes {
            Bytes::Fixed(length) => _ = constant(code, length),
            Bytes::Each { count, size: 1 } => _ = code.local_get(count),
            Bytes::Each { count, size } => _ = constant(code.local_get(count), size).i32_mul(),
        }
    }

    fn long_length(&self, code: &mut InstructionSink<'_>) {
        match self.bytes {
            Bytes::Fixed(length) => _ = code.i64_const(length.into()),
            Bytes::Each { count, size } => {
                _ = code.local_get(count).i64_extend_i32_u().i64_const(size.into()).i64_mul();
            }
        }
    }
}
