//! The schema of a resource of Terraform's AWS provider, read from the class that CDK Terrain generates of it: which arguments
//! and blocks it takes, which it cannot do without, and which attributes can be read of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// One resource or data source.
#[derive(Debug)]
pub(crate) struct Schema {
    blocks: BTreeMap<String, Block>,
    /// Which of them is the resource's own.
    root: String,
    /// What expressions may read of it.
    pub(crate) attributes: BTreeSet<String>,
}

/// What stands between two braces.
#[derive(Debug, Default)]
pub(crate) struct Block {
    /// Each argument, or nested block with what it is called here.
    entries: BTreeMap<String, Option<String>>,
    /// What has to be there.
    pub(crate) required: BTreeSet<String>,
}

impl Schema {
    /// That of a type such as `aws_lambda_function`; data sources are called `data_…`.
    pub(crate) fn read(provider: &Path, kind: &str) -> Self {
        let name = kind.strip_prefix("aws_").unwrap_or(kind).replace('_', "-");
        let read = |file: &str| {
            let path = provider.join(&name).join(file);
            fs::read_to_string(&path).unwrap_or_else(|error| {
                panic!("{kind}: {}: {error}; is it in CLASSES of xtask/src/deploy.rs?", path.display())
            })
        };
        let (code, types) = (read("index.js"), read("index.d.ts"));
        assert!(
            code.contains(&format!("tfResourceType = \"{}\"", kind.trim_start_matches("data_"))),
            "{kind}: another class"
        );
        let mut schema =
            Self { blocks: blocks(&code), root: "Config".to_owned(), attributes: attributes(&types) };
        for (interface, required) in required(&types) {
            let of = if interface.starts_with(&pascal(&name))
                && interface.ends_with("Config")
                && !schema.blocks.contains_key(&interface)
            {
                "Config".to_owned()
            } else {
                interface
            };
            schema.blocks.entry(of).or_default().required.extend(required);
        }
        assert!(!schema.block(&schema.root).entries.is_empty(), "{kind}: no arguments were found");
        schema
    }

    pub(crate) fn root(&self) -> &Block {
        self.block(&self.root)
    }

    fn block(&self, name: &str) -> &Block {
        self.blocks.get(name).unwrap_or_else(|| panic!("no block {name}"))
    }

    /// Whether a block takes an argument; of a nested one what it takes itself.
    pub(crate) fn entry<'a>(&'a self, block: &'a Block, name: &str) -> Option<Option<&'a Block>> {
        let nested = block.entries.get(name)?;
        Some(nested.as_deref().map(|nested| self.block(nested)))
    }
}

/// What each of the functions that write blocks down writes.
fn blocks(code: &str) -> BTreeMap<String, Block> {
    let mut blocks = BTreeMap::new();
    let mut inside = None;
    for line in code.lines() {
        if let Some(name) =
            line.strip_prefix("function ").and_then(|rest| rest.split_once("ToTerraform(struct"))
        {
            inside = Some(capital(name.0));
        } else if line.trim() == "synthesizeAttributes() {" {
            inside = Some("Config".to_owned());
        } else if line.trim() == "};" || line == "}" {
            inside = None;
        } else if let (Some(block), Some((key, value))) = (&inside, line.trim().split_once(": ")) {
            let block: &mut Block = blocks.entry(block.clone()).or_default();
            block.entries.insert(key.to_owned(), nested(value));
        }
    }
    blocks
}

/// The block whose function a value is made by, unless it is one for plain values.
fn nested(value: &str) -> Option<String> {
    let words = value.split(|character: char| !character.is_ascii_alphanumeric() && character != '.');
    let mut makers =
        words.filter(|word| !word.starts_with("cdktn.")).filter_map(|word| word.strip_suffix("ToTerraform"));
    makers.next().map(capital)
}

/// The members of each interface without which it is none.
fn required(types: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut inside = None;
    for line in types.lines() {
        if let Some(rest) = line.strip_prefix("export interface ") {
            inside = rest.split_whitespace().next().map(str::to_owned);
        } else if line == "}" {
            inside = None;
        } else if let (Some(interface), Some((name, _))) =
            (&inside, line.trim().strip_prefix("readonly ").and_then(|rest| rest.split_once(": ")))
        {
            let required = all.entry(interface.clone()).or_default();
            if !name.ends_with('?') {
                required.insert(snake(name));
            }
        }
    }
    all
}

fn attributes(types: &str) -> BTreeSet<String> {
    let getters = types.lines().filter_map(|line| line.strip_prefix("    get ")?.split_once("():"));
    getters.map(|(name, _)| snake(name)).filter(|name| !name.ends_with("_input")).collect()
}

fn capital(name: &str) -> String {
    let (first, rest) = name.split_at(1);
    first.to_ascii_uppercase() + rest
}

fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}
