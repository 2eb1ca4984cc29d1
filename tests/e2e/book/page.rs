//! What of a chapter is tested.
//!
//! | block | what is done with it |
//! |---|---|
//! | `console` | what follows `$ ` is typed, and what stands below has to be printed |
//! | `toml` | `bulkhead check` has no mistake to tell of it, as a `bulkhead.toml` |
//! | `rust` with an attribute of ours | compiled as a crate of its own |
//! | others | shown only |
//!
//! A comment on the line before a block says otherwise:
//!
//! | comment | then |
//! |---|---|
//! | `<!-- test: file PATH -->` | the reader saves it under this name |
//! | `<!-- test: background -->` | the command goes on running, in a terminal of its own, till the end of the chapter |
//! | `<!-- test: printed -->` | what that command prints from now on |
//! | `<!-- test: fails -->` | its last command fails |
//! | `<!-- test: with LANGUAGE -->`, `<!-- test: with LANGUAGE: … -->` | what it is without these words, on a machine with the tools of the language; `scripts` is the engine of scripts |
//! | `<!-- test: not run: WHY -->` | nothing |

/// A chapter's blocks, each with its line.
pub(super) struct Page {
    pub(super) blocks: Vec<(usize, Block)>,
}

pub(super) enum Block {
    Session(Vec<Typed>),
    Background(Typed),
    Printed(Vec<String>),
    File {
        path: String,
        text: String,
    },
    Manifest(String),
    Handler(String),
    /// One that wants the tools of this language.
    With(String, Box<Self>),
    /// Shown only. Whether it is one that would be tested, had nobody said otherwise.
    Left(bool),
}

/// A command, and what it prints.
pub(super) struct Typed {
    pub(super) command: String,
    pub(super) expected: Vec<String>,
    pub(super) fails: bool,
}

impl Page {
    /// # Errors
    /// The line and what is wrong there.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut blocks = Vec::new();
        let mut lines = text.lines().enumerate();
        let mut said = None;
        while let Some((index, line)) = lines.next() {
            if let Some(language) = line.strip_prefix("```") {
                let inner: Vec<&str> = lines
                    .by_ref()
                    .map(|(_, line)| line)
                    .take_while(|line| !line.starts_with("```"))
                    .collect();
                let block = Block::new(language, said, &inner);
                blocks.push((index + 1, block.map_err(|error| format!("{}: {error}", index + 1))?));
            }
            said = line.strip_prefix("<!-- test: ").and_then(|rest| rest.strip_suffix(" -->"));
        }
        Ok(Self { blocks })
    }

    /// How many blocks are tested, and how many are not that would be.
    pub(super) fn count(&self) -> (usize, usize) {
        let is_left = |(_, block): &&(usize, Block)| matches!(block, Block::Left(_));
        let left = self.blocks.iter().filter(is_left).count();
        let missed = self.blocks.iter().filter(|(_, block)| matches!(block, Block::Left(true))).count();
        (self.blocks.len() - left, missed)
    }
}

impl Block {
    fn new(language: &str, said: Option<&str>, lines: &[&str]) -> Result<Self, String> {
        let text = || lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let is_handler = lines.iter().any(|line| line.starts_with("#[bulkhead::"));
        if let Some(rest) = said.and_then(|said| said.strip_prefix("with ")) {
            let (tools, said) =
                rest.split_once(": ").map_or((rest, None), |(tools, said)| (tools, Some(said)));
            return Ok(Self::With(tools.to_owned(), Box::new(Self::new(language, said, lines)?)));
        }
        match (said, language) {
            (Some(said), _) if said.starts_with("not run: ") => Ok(Self::Left(true)),
            (Some("background"), "console") => match <[Typed; 1]>::try_from(typed(lines, false)?) {
                Ok([command]) => Ok(Self::Background(command)),
                Err(_) => Err("one command goes on running, and this is not one".to_owned()),
            },
            (Some("printed"), _) => Ok(Self::Printed(lines.iter().map(|line| (*line).to_owned()).collect())),
            (Some("fails"), "console") => Ok(Self::Session(typed(lines, true)?)),
            (None, "console") => Ok(Self::Session(typed(lines, false)?)),
            (Some(said), _) => match said.strip_prefix("file ") {
                Some(path) => Ok(Self::File { path: path.to_owned(), text: text() }),
                None => Err(format!("nobody knows what `{said}` says about a block of `{language}`")),
            },
            (None, "toml") => Ok(Self::Manifest(text())),
            (None, "rust") if is_handler => Ok(Self::Handler(text())),
            (None, _) => Ok(Self::Left(false)),
        }
    }
}

fn typed(lines: &[&str], fails: bool) -> Result<Vec<Typed>, String> {
    let mut commands: Vec<Typed> = Vec::new();
    for line in lines {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => {
                commands.push(Typed { command: command.to_owned(), expected: Vec::new(), fails: false });
            }
            (None, Some(last)) if last.expected.is_empty() && last.command.ends_with('\\') => {
                last.command = format!("{}\n{line}", last.command);
            }
            (None, Some(last)) => last.expected.push((*line).to_owned()),
            (None, None) => return Err(format!("nobody has typed anything, and it prints `{line}`")),
        }
    }
    match commands.last_mut() {
        Some(last) => last.fails = fails,
        None => return Err("nothing is typed in it".to_owned()),
    }
    Ok(commands)
}

#[test]
fn a_block_that_wants_tools_is_else_what_it_would_be_without() {
    let page = |said: &str| Page::read(&format!("<!-- test: {said} -->\n```console\n$ false\n```\n"));
    let [(2, Block::With(tools, block))] = &page("with go: fails").expect("a page").blocks[..] else {
        panic!("not one block with tools");
    };
    assert_eq!(tools, "go");
    assert!(matches!(&**block, Block::Session(typed) if typed[0].fails && typed[0].command == "false"));
    let plain = page("with go").expect("a page");
    assert!(
        matches!(&plain.blocks[..], [(2, Block::With(_, block))] if matches!(**block, Block::Session(_)))
    );
    assert_eq!(plain.count(), (1, 0));
    assert!(page("with go: nonsense").is_err());
}
