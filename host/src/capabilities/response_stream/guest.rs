//! The interface `bulkhead:lambda/response-stream` for guests.

use wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use wasmtime_wasi::p2::DynOutputStream;

use super::{Head, OpenError, Response};
use crate::capabilities::checked_writes::CheckedWrites;
use crate::engine::bindings::streaming::bulkhead::lambda::response_stream::{
    self, OpenError as Told, ResponseHead,
};

/// Opens a response.
pub(crate) struct View<'a> {
    pub(crate) response: &'a mut Response,
    pub(crate) table: &'a mut ResourceTable,
}

struct Has;

impl HasData for Has {
    type Data<'a> = View<'a>;
}

/// Links the interface.
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
                let stream: DynOutputStream = Box::new(CheckedWrites(writer));
                Ok(Ok(self.table.push(stream)?))
            }
            Err(OpenError::Opened) => Ok(Err(Told::Opened)),
            Err(OpenError::Unsupported) => Ok(Err(Told::Unsupported)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use wasmtime_wasi::p2::StreamError;

    use super::super::{PERMIT, ResponseChannel};
    use super::response_stream::Host as _;
    use super::*;

    #[tokio::test]
    async fn a_response_takes_no_more_in_one_call_than_it_permits() {
        let (channel, mut response, mut table) =
            (ResponseChannel::default(), Response::default(), ResourceTable::new());
        response.begin(Some(channel.clone()), usize::MAX);
        let mut view = View { response: &mut response, table: &mut table };
        let opened = view.open(ResponseHead::ContentType("text/plain".to_owned())).unwrap();
        let stream = opened.unwrap_or_else(|told| panic!("{told:?}"));
        let stream = table.get_mut(&stream).unwrap();
        let write = |bytes: usize| stream.write(Bytes::from(vec![0; bytes]));
        let [too_much, enough] = [PERMIT + 1, PERMIT].map(write);
        assert!(matches!(too_much, Err(StreamError::Trap(_))) && enough.is_ok());
        assert_eq!(channel.opened().await.pieces.recv().await.unwrap().len(), PERMIT);
    }
}
