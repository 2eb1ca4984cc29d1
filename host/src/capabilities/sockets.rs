//! `wasi:sockets`, which always denies: the standard libraries of most languages import it, but no handler
//! may have a socket.
//!
//! Functions that a guest can call without a socket return the error that they would return on a machine
//! without a network. All other functions are methods of resources that are never created; they exist only to
//! be imported, and have no code. The program does not contain Wasmtime's sockets, which would be a tenth of
//! it.

use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddressFamily};

/// Wasmtime's release of WASI; a component may use any earlier release.
const VERSION: &str = "0.2.12";

/// The only resource that a guest can hold, and it gives nothing.
struct Network;
// None of these is ever created.
enum Addresses {}
enum TcpSocket {}
enum UdpSocket {}
enum Received {}
enum Sent {}

const TCP_SOCKET: [&str; 28] = [
    "start-bind",
    "finish-bind",
    "start-connect",
    "finish-connect",
    "start-listen",
    "finish-listen",
    "accept",
    "local-address",
    "remote-address",
    "is-listening",
    "address-family",
    "set-listen-backlog-size",
    "keep-alive-enabled",
    "set-keep-alive-enabled",
    "keep-alive-idle-time",
    "set-keep-alive-idle-time",
    "keep-alive-interval",
    "set-keep-alive-interval",
    "keep-alive-count",
    "set-keep-alive-count",
    "hop-limit",
    "set-hop-limit",
    "receive-buffer-size",
    "set-receive-buffer-size",
    "send-buffer-size",
    "set-send-buffer-size",
    "subscribe",
    "shutdown",
];
const UDP_SOCKET: [&str; 13] = [
    "start-bind",
    "finish-bind",
    "stream",
    "local-address",
    "remote-address",
    "address-family",
    "unicast-hop-limit",
    "set-unicast-hop-limit",
    "receive-buffer-size",
    "set-receive-buffer-size",
    "send-buffer-size",
    "set-send-buffer-size",
    "subscribe",
];

/// Links all seven interfaces. `denied` is called when a guest tries to use one.
///
/// # Errors
/// When they are linked already.
pub(super) fn add_to_linker<T: Send + 'static>(
    linker: &mut Linker<T>,
    denied: fn(&mut T),
) -> wasmtime::Result<()> {
    type Defined = wasmtime::Result<()>;
    let mut interface = |name: &str, define: &dyn Fn(&mut LinkerInstance<'_, T>) -> Defined| {
        define(&mut linker.instance(&format!("wasi:sockets/{name}@{VERSION}"))?)
    };
    interface("network", &|l| l.resource("network", ResourceType::host::<Network>(), |_, _| Ok(())))?;
    interface("instance-network", &|l| {
        l.func_wrap("instance-network", |_, ()| Ok((Resource::<Network>::new_own(0),)))
    })?;
    interface("ip-name-lookup", &|l| {
        out_of_reach::<Addresses, T>(l, "resolve-address-stream", &["resolve-next-address", "subscribe"])?;
        l.func_wrap("resolve-addresses", move |mut store, _: (Resource<Network>, String)| {
            denied(StoreContextMut::data_mut(&mut store));
            Ok((Err::<Resource<Addresses>, _>(ErrorCode::PermanentResolverFailure),))
        })
    })?;
    interface("tcp-create-socket", &|l| {
        l.func_wrap("create-tcp-socket", move |mut store, _: (IpAddressFamily,)| {
            denied(StoreContextMut::data_mut(&mut store));
            Ok((Err::<Resource<TcpSocket>, _>(ErrorCode::AccessDenied),))
        })
    })?;
    interface("udp-create-socket", &|l| {
        l.func_wrap("create-udp-socket", move |mut store, _: (IpAddressFamily,)| {
            denied(StoreContextMut::data_mut(&mut store));
            Ok((Err::<Resource<UdpSocket>, _>(ErrorCode::AccessDenied),))
        })
    })?;
    interface("tcp", &|l| out_of_reach::<TcpSocket, T>(l, "tcp-socket", &TCP_SOCKET))?;
    interface("udp", &|l| {
        out_of_reach::<UdpSocket, T>(l, "udp-socket", &UDP_SOCKET)?;
        out_of_reach::<Received, T>(l, "incoming-datagram-stream", &["receive", "subscribe"])?;
        out_of_reach::<Sent, T>(l, "outgoing-datagram-stream", &["check-send", "send", "subscribe"])
    })
}

/// A resource that is never created, and its methods.
fn out_of_reach<R: 'static, T: 'static>(
    l: &mut LinkerInstance<'_, T>,
    resource: &str,
    methods: &[&str],
) -> wasmtime::Result<()> {
    l.resource(resource, ResourceType::host::<R>(), |_, _| Ok(()))?;
    for method in methods {
        // A guest that forges a handle is stopped before this is called.
        l.func_new(&format!("[method]{resource}.{method}"), |_, _, _, _| {
            Err(wasmtime::format_err!("a handler cannot have a socket"))
        })?;
    }
    Ok(())
}

#[cfg(all(test, feature = "compiler"))]
mod tests {
    use wasmtime::Engine;
    use wasmtime::component::Component;

    use super::*;

    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
    fn linker(engine: &Engine) -> Linker<()> {
        let mut linker = Linker::new(engine);
        add_to_linker(&mut linker, |_| ()).unwrap();
        linker
    }

    #[expect(clippy::unwrap_used, reason = "a helper of tests")]
    fn component(engine: &Engine, wat: &str) -> Component {
        Component::from_binary(engine, &wat::parse_str(wat).unwrap()).unwrap()
    }

    /// The end-to-end tests check the error that a guest gets when it asks for a socket.
    #[test]
    fn a_component_of_an_older_release_finds_what_it_imports() {
        let engine = Engine::default();
        let wat = r#"(component
            (import "wasi:sockets/network@0.2.0" (instance $network (export "network" (type (sub resource)))))
            (alias export $network "network" (type $shared))
            (import "wasi:sockets/instance-network@0.2.0" (instance
                (alias outer 1 $shared (type $n)) (export "network" (type $own (eq $n)))
                (export "instance-network" (func (result (own $own))))))
            (import "wasi:sockets/tcp@0.2.0" (instance (export "tcp-socket" (type $socket (sub resource)))
                (export "[method]tcp-socket.is-listening" (func (param "self" (borrow $socket)) (result bool))))))"#;
        linker(&engine).instantiate_pre(&component(&engine, wat)).unwrap();
    }

    #[test]
    fn a_method_that_wasi_does_not_have_is_not_there() {
        let engine = Engine::default();
        for (method, there) in [("finish-bind", true), ("finish-blind", false)] {
            let wat = format!(
                r#"(component (import "wasi:sockets/udp@0.2.6" (instance
                    (export "udp-socket" (type $socket (sub resource)))
                    (export "[method]udp-socket.{method}" (func (param "self" (borrow $socket)))))))"#
            );
            let component = component(&engine, &wat);
            assert_eq!(linker(&engine).instantiate_pre(&component).is_ok(), there, "{method}");
        }
    }
}
