//! The tools that made a module or component, as its sections of producers list them
//! (<https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md>).

use serde::Serialize;
use wasm_metadata::Producers;
use wasmparser::{CustomSectionReader, KnownCustom};

/// A language or tool.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Producer {
    /// `language`, `processed-by` or `sdk`.
    pub(crate) field: String,
    pub(crate) name: String,
    pub(crate) version: String,
}

/// The tools that a section lists. Another section lists none, and neither does one that cannot be read: a
/// custom section has no meaning for those who run the file.
pub(crate) fn producers(section: &CustomSectionReader<'_>) -> Vec<Producer> {
    let KnownCustom::Producers(_) = section.as_known() else { return Vec::new() };
    let Ok(fields) = Producers::from_bytes(section.data(), section.data_offset()) else { return Vec::new() };
    let mut producers = Vec::new();
    for (field, values) in fields.iter() {
        producers.extend(values.iter().map(|(name, version)| Producer {
            field: field.clone(),
            name: name.clone(),
            version: version.clone(),
        }));
    }
    producers
}
