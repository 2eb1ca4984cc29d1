//! The rooms of a crate, and the order of their floors.
//!
//! A room is a file of a house's folder, such as `host/src/policy.rs`, together with the folder of the same name. The room's first
//! lines say which other rooms it may use: `//! May use: text, log.`, and for its tests alone `//! May use in tests: engine.`
//! Each path in the room's files is compared with these lines. The lines must not make a circle, so that each room lies
//! above all that it may use. Comments may name any room.

mod paths;
mod source;
#[cfg(test)]
mod tests;
mod tuples;

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use crate::stamp::Inputs;
use crate::steps::{Outcome, Step};
use paths::UsedPath;
use source::SourceFile;

/// A folder whose modules are rooms.
#[derive(Debug, Clone, Copy)]
struct House {
    /// Where it is in the checkout.
    folder: &'static str,
    /// The path of its module in its crate.
    module: &'static [&'static str],
}

const HOUSES: [House; 3] = [
    House { folder: "host/src", module: &[] },
    House { folder: "cli/src/dev", module: &["dev"] },
    House { folder: "tests/e2e", module: &[] },
];

/// Where no parameter of a function is a tuple. In `tests/guests`, the event of a handler may be one.
const WITHOUT_TUPLES: [&str; 12] = [
    "bench/src",
    "bench/steps",
    "bootstrap/src",
    "cli/src",
    "engines/javascript/src",
    "guest-sdk/macros/src",
    "guest-sdk/src",
    "host/src",
    "tests/e2e",
    "tests/src",
    "tests/suites/src",
    "xtask/src",
];

/// Checks the order of the floors.
pub(crate) const ROOMS: Step = Step {
    name: "rooms",
    title: "checking that each room uses only rooms below it, and that no parameter is a tuple",
    needs: &[],
    inputs: Some(Inputs::files(&[
        "bench",
        "bootstrap",
        "cli",
        "engines",
        "guest-sdk",
        "host",
        "tests/e2e",
        "tests/src",
        "tests/suites",
        "xtask",
    ])),
    run: |workspace| {
        let root = workspace.source("");
        let mut mistakes = Vec::new();
        for house in HOUSES {
            let files = source::read(&root, house.folder)?;
            match house.check(&files) {
                Ok(floors) => println!("{}", house.picture(&floors, &files)),
                Err(found) => mistakes.extend(found),
            }
        }
        for folder in WITHOUT_TUPLES {
            mistakes.extend(source::read(&root, folder)?.iter().flat_map(tuples::mistakes));
        }
        ensure!(mistakes.is_empty(), "{}", mistakes.join("\n"));
        Ok(Outcome::Done)
    },
};

/// What the first lines of a room say, by its name.
type Rooms = BTreeMap<String, MayUse>;

/// Which rooms a room may use.
#[derive(Debug, Default, PartialEq, Eq)]
struct MayUse {
    always: Vec<String>,
    in_tests: Vec<String>,
}

impl MayUse {
    /// Reads the lines of a room's first file; `None` if it does not have them.
    fn read(text: &str) -> Option<Self> {
        let comments = || text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let names = |list: &str| match list.trim_end_matches('.') {
            "nothing" => Vec::new(),
            names => names.split(", ").map(str::to_owned).collect(),
        };
        Some(Self {
            always: comments().find_map(|line| line.strip_prefix("May use: ")).map(names)?,
            in_tests: comments()
                .find_map(|line| line.strip_prefix("May use in tests: "))
                .map(names)
                .unwrap_or_default(),
        })
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.always.iter().chain(&self.in_tests).map(String::as_str)
    }

    fn allows(&self, room: &str, in_test: bool) -> bool {
        if in_test {
            self.all().any(|name| name == room)
        } else {
            self.always.iter().any(|name| name == room)
        }
    }
}

impl House {
    /// Compares all paths in these files with what the rooms may use. Returns the floors, the lowest first.
    ///
    /// # Errors
    /// Each mistake: its file, its line, and what to do.
    fn check(&self, files: &[SourceFile]) -> Result<Vec<Vec<String>>, Vec<String>> {
        let mut mistakes = Vec::new();
        let rooms = self.rooms(files, &mut mistakes);
        for file in files.iter().filter(|file| !file.is_root()) {
            for used in paths::used(file) {
                mistakes.extend(self.mistake(&rooms, file, &used));
            }
        }
        match floors(&rooms) {
            Ok(floors) if mistakes.is_empty() => Ok(floors),
            Ok(_) => Err(mistakes),
            Err(circle) => {
                mistakes.push(format!(
                    "{}: the lines \"May use\" make a circle: {}; move what these rooms share into a room below them, and take \
                     one of them out of the line of another",
                    self.folder,
                    circle.join(" → ")
                ));
                Err(mistakes)
            }
        }
    }

    /// The rooms, each with what it may use.
    fn rooms(&self, files: &[SourceFile], mistakes: &mut Vec<String>) -> Rooms {
        let mut rooms = Rooms::new();
        for file in files.iter().filter(|file| file.is_first_of_room()) {
            let may_use = MayUse::read(&file.text).unwrap_or_else(|| {
                mistakes.push(format!(
                    "{}:1: the first lines do not say which rooms this room may use; add the line `//! May use: nothing.`, or \
                     one with the names of rooms below it",
                    file.name
                ));
                MayUse::default()
            });
            rooms.insert(file.room().to_owned(), may_use);
        }
        for (room, may_use) in &rooms {
            for other in may_use.all().filter(|other| *other == room || !rooms.contains_key(*other)) {
                mistakes.push(format!(
                    "{}/{room}.rs:1: the line \"May use\" names `{other}`, which is not another room of {}",
                    self.folder, self.folder
                ));
            }
        }
        rooms
    }

    /// What is wrong with a path, if it leads to a room that may not be used.
    fn mistake(&self, rooms: &Rooms, file: &SourceFile, used: &UsedPath) -> Option<String> {
        let path = used.path.below(self.module)?;
        // `pub(in crate::house)` names no room.
        let target = path.first()?.as_str();
        let room = file.room();
        if target == room {
            return None;
        }
        let at = format!("{}:{}", file.name, used.line);
        let shown = path.join("::");
        let Some(may_use) = rooms.get(room) else {
            return Some(format!(
                "{at}: `{room}` has no file {}/{room}.rs that says what it may use",
                self.folder
            ));
        };
        if !rooms.contains_key(target) {
            return Some(format!(
                "{at}: `{shown}` is not in a room, but in the file above all rooms; move it into a room that `{room}` may use"
            ));
        }
        if may_use.allows(target, used.in_test) {
            return None;
        }
        let tests = if used.in_test { " in its tests" } else { "" };
        Some(format!(
            "{at}: the room `{room}` may not use the room `{target}`{tests} ({shown}); move what both need into a room below \
             `{room}`, pass it in from above, or, if `{target}` is to lie below `{room}`, add it to \"May use\" in \
             {}/{room}.rs",
            self.folder
        ))
    }

    /// The rooms from the top to the bottom, with their lines.
    fn picture(&self, floors: &[Vec<String>], files: &[SourceFile]) -> String {
        let lines = |room: &str| -> usize {
            files.iter().filter(|file| file.room() == room).map(SourceFile::lines_without_tests).sum()
        };
        let floors = floors.iter().enumerate().rev().map(|(index, rooms)| {
            let rooms: Vec<_> = rooms.iter().map(|room| format!("{room} ({})", lines(room))).collect();
            format!("      {:>2}  {}", index + 1, rooms.join(", "))
        });
        format!("      {}, from the top, with the lines of each room without its tests:\n", self.folder)
            + &floors.collect::<Vec<_>>().join("\n")
    }
}

/// The floors, the lowest first: each room lies one floor above the highest of those that it may use.
///
/// # Errors
/// The rooms of a circle, where there is one.
fn floors(rooms: &Rooms) -> Result<Vec<Vec<String>>, Vec<String>> {
    let mut heights: BTreeMap<&str, usize> = BTreeMap::new();
    for room in rooms.keys() {
        height(rooms, room, &mut Vec::new(), &mut heights)?;
    }
    let mut floors = vec![Vec::new(); heights.values().max().map_or(0, |top| top + 1)];
    for (room, height) in heights {
        floors[height].push(room.to_owned());
    }
    Ok(floors)
}

fn height<'a>(
    rooms: &'a Rooms,
    room: &'a str,
    above: &mut Vec<&'a str>,
    heights: &mut BTreeMap<&'a str, usize>,
) -> Result<usize, Vec<String>> {
    if let Some(known) = heights.get(room) {
        return Ok(*known);
    }
    if let Some(start) = above.iter().position(|other| *other == room) {
        return Err(above[start..].iter().chain([&room]).map(|room| (*room).to_owned()).collect());
    }
    above.push(room);
    let mut height_of_room = 0;
    for below in rooms.get(room).into_iter().flat_map(MayUse::all).filter(|below| rooms.contains_key(*below))
    {
        height_of_room = height_of_room.max(height(rooms, below, above, heights)? + 1);
    }
    above.pop();
    heights.insert(room, height_of_room);
    Ok(height_of_room)
}
