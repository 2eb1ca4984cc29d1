//! End to end: the real `bootstrap` as a process, against a Runtime API server of our own and against Lambda's emulator.
//!
//! One test binary, so that it links once and all tests share the processors. Each test has its own task root, server
//! and process; they share nothing. `R4.3` and the like are rules of the Runtime API as our notes number them.
#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test stops at the first surprise, also in its helpers"
)]

mod browser;
mod deployment;
mod project;
mod stage;
mod terraform_schema;
mod unzip;
mod wat;

mod aws_sdk;
mod balance;
mod book;
mod build;
mod command;
mod completions;
mod concurrency;
mod container;
mod context;
mod deadline;
mod deploy;
mod deploy_aws;
mod deploy_cdk;
mod deploy_sam;
mod deploy_terraform;
mod dev;
mod dev_bounds;
mod dev_reload;
mod doctor;
mod emulator;
mod example;
mod failure;
mod fixtures;
mod freeze;
mod grants;
mod guests;
mod headers;
mod hostile;
mod hostile_after;
mod hostile_code;
mod hostile_component;
mod hostile_event;
mod hostile_host;
mod hostile_http;
mod hostile_pool;
mod hostile_server;
mod hostile_world;
mod init;
mod invoke;
mod invoke_dev;
mod journey;
mod kinds_command;
mod kinds_http;
mod languages;
mod leaks;
mod limits;
mod logs;
mod logs_json;
mod manifest;
mod module;
mod new;
mod new_languages;
mod outbound;
mod package;
mod page;
mod page_hostile;
mod page_look;
mod page_many;
mod page_send;
mod page_sites;
mod page_stream;
mod precompiled;
mod preinit;
mod printed;
mod property;
mod receipts;
mod release;
mod reply;
mod responses;
mod reuse;
mod sandbox;
mod sbom;
mod services;
mod shutdown;
mod snapstart;
mod status;
mod streaming;
mod tenants;
mod terminal;
mod transport;
mod trap;
mod typed_events;
