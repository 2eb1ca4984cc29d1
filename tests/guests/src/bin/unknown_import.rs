//! Imports an interface that no host has.

mod bindings {
    wit_bindgen::generate!({
        inline: "package acme:db@1.0.0; interface query { count: func() -> u32; } world guest { import query; }",
    });
}

#[bulkhead::handler]
fn unknown_import() -> u32 {
    bindings::acme::db::query::count()
}

fn main() {}
