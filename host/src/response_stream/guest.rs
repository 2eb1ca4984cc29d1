//! `bulkhead:lambda/response-stream`, as guests import it.

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::DynOutputStream;

use super::{Head, OpenError, Response};
use crate::bindings::streaming::bulkhead::lambda::response_stream::{self, OpenError as Told, ResponseHead};

/// What opens a response.
pub(crate) struct View<'a> {
    pub(crate) response: &'a mut Response,
    pub(crate) table: &'a mut ResourceTable,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links it.
///
/// # Errors
/// When it is there already, which would be a bug.
pub(crate) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    view: fn(&mut T) -> View<'_>,
) -> wasmtime::Result<()> {
    response_stream::add_to_linker::<T, Has>(linker, view)
}

impl response_stream::Host for View<'_> {
    fn open(&mut self, head: ResponseHead) -> wasmtime::Result<Result<Resource<DynOutputStream>, Told>> {
        let head = match head {
            ResponseHead::ContentType(content_type) => Head::plain(&content_type),
            ResponseHead::Http(http) => Head::from_guest(http.status, &http.headers, &http.cookies),
        };
        let head = match head {
            Ok(head) => head,
            Err(error) => return Ok(Err(Told::Invalid(error.to_string()))),
        };
        match self.response.open(head) {
            Ok(writer) => {
                let stream: DynOutputStream = Box::new(writer);
                Ok(Ok(self.table.push(stream)?))
            }
            Err(OpenError::Opened) => Ok(Err(Told::Opened)),
            Err(OpenError::Unsupported) => Ok(Err(Told::Unsupported)),
        }
    }
}
