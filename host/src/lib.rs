//! Bulkhead's host: what Lambda starts.
//!
//! It asks the Lambda Runtime API for events and answers each from a component in a sandbox that is made
//! for that one event. The modules are its rooms, each above those that it uses; start with [`event_loop`].
#![cfg_attr(docsrs, feature(doc_cfg))]

pub mod event_loop;

pub mod config;
pub mod dispatch;
#[cfg(feature = "compiler")]
pub mod preinit;

pub mod sandbox;

pub mod wasm;

pub mod capabilities;

pub mod credentials;
pub mod runtime_api;
pub mod store;

pub mod aws;
pub mod engine;
pub mod http_event;
pub mod log;

pub mod policy;

pub mod http1;
pub mod pause;
pub mod script;
pub mod text;
pub mod tls;

/// The examples of the README are tested, too.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
