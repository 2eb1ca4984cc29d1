//! A `.cwasm`: its stamp, and the details that can be read without running it.

use std::path::Path;

use bulkhead_host::capabilities;
use bulkhead_host::engine::artifact::Stamp;
use bulkhead_host::engine::{self, Share, Target};
use bulkhead_host::sandbox::component::{self, ComponentError, Loaded};
use object::{Object, ObjectSection};

use super::report::{Compiled, Form, Report};

pub(super) fn inspect(file: &Path, bytes: &[u8]) -> anyhow::Result<Report> {
    let mut report = Report::of(file, Form::Native);
    report.sizes.file = bytes.len();
    let stamp = match Stamp::check_for_any_target(file) {
        Ok(stamp) => stamp,
        Err(error) => {
            report.refused(&ComponentError::Artifact { path: file.to_owned(), error });
            return Ok(report);
        }
    };
    measure(&mut report, bytes);
    let here = Target::parse(&stamp.target) == Target::host();
    report.digest = stamp.source;
    report.reset = Some(stamp.reset);
    report.note = (!here).then(|| {
        format!(
            "native code for {}: its stamp and checksum are valid, but this machine cannot load it",
            stamp.target
        )
    });
    report.compiled =
        Some(Compiled { target: stamp.target, build: stamp.build, preinitialised: stamp.preinitialised });
    if here {
        match map(file)? {
            Ok(loaded) => report.describe(Some(loaded.describe())),
            Err(error) => report.refused(&error),
        }
    }
    Ok(report)
}

/// Loads the code, as for its first event.
fn map(file: &Path) -> anyhow::Result<Result<Loaded, ComponentError>> {
    let (engine, _) = engine::start_for(1, Share::most())?;
    let imports = capabilities::imports(&engine)?;
    let source = file.with_extension("wasm");
    Ok(component::map(&engine, &imports, file, source.is_file().then_some(source.as_path())))
}

/// The sizes of the machine code and of the initial contents of memories in the image.
fn measure(report: &mut Report, image: &[u8]) {
    let Ok(image) = object::File::parse(image) else { return };
    for section in image.sections() {
        let length = usize::try_from(section.size()).unwrap_or(usize::MAX);
        match section.name() {
            Ok(".text") => report.sizes.code += length,
            Ok(".rodata.wasm") => report.sizes.data += length,
            Ok(_) | Err(_) => {}
        }
    }
}
