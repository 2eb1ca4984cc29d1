//! A house in which somebody has broken a rule, and what is said of it.

use super::*;

const HOUSE: House = House { folder: "host/src", module: &[] };

/// Three rooms, each above the one before it, with `change` in place of the files of the same names.
fn house(change: &[(&str, &str)]) -> Vec<SourceFile> {
    let sound = [
        ("lib.rs", "pub mod top;\npub mod middle;\npub mod low;\n"),
        ("low.rs", "//! Owns numbers.\n//!\n//! May use: nothing.\n"),
        ("middle.rs", "//! Owns words.\n//!\n//! May use: low.\n\nuse crate::low::Number;\n"),
        ("middle/word.rs", "//! One word. It is sent by [`crate::top`].\n"),
        (
            "top.rs",
            "//! Owns sentences.\n//!\n//! May use: middle.\n//! May use in tests: low.\n\nuse crate::middle;\n\n\
             #[cfg(test)]\nmod tests {\n    use super::*;\n    use crate::low::Number;\n}\n",
        ),
    ];
    let sound = sound.iter().filter(|(name, _)| change.iter().all(|(other, _)| other != name));
    let files = sound.chain(change).map(|(name, text)| SourceFile::new("host/src", name, (*text).to_owned()));
    files.collect()
}

/// All that is wrong with it.
fn mistakes(change: &[(&str, &str)]) -> String {
    HOUSE.check(&house(change)).expect_err("it is broken").join("\n")
}

#[test]
fn a_sound_house_has_floors() {
    let files = house(&[]);
    let floors = HOUSE.check(&files).unwrap();
    assert_eq!(floors, [["low"], ["middle"], ["top"]]);
    let picture = HOUSE.picture(&floors, &files);
    assert!(picture.ends_with("\n       3  top (8)\n       2  middle (6)\n       1  low (3)"), "{picture}");
}

#[test]
fn a_room_that_uses_one_above_it_is_told_where_and_what_to_do() {
    let word = "//! One word.\n\nfn send(word: &str) {\n    crate::top::send(word);\n}\n";
    assert_eq!(
        mistakes(&[("middle/word.rs", word)]),
        "host/src/middle/word.rs:4: the room `middle` may not use the room `top` (top::send); move what both need into a \
         room below `middle`, pass it in from above, or, if `top` is to lie below `middle`, add it to \"May use\" in \
         host/src/middle.rs"
    );
}

#[test]
fn a_path_by_way_of_super_counts_as_well() {
    let found = mistakes(&[("low.rs", "//! May use: nothing.\nuse super::middle::{self, word::Word};\n")]);
    assert!(
        found.contains("host/src/low.rs:2: the room `low` may not use the room `middle` (middle)"),
        "{found}"
    );
    assert!(found.contains("(middle::word::Word)"), "{found}");
}

#[test]
fn what_tests_may_use_is_not_for_others() {
    let found = mistakes(&[("top/sentence.rs", "//! One sentence.\nuse crate::low::Number;\n")]);
    assert!(
        found.starts_with("host/src/top/sentence.rs:2: the room `top` may not use the room `low` (low"),
        "{found}"
    );
    let found = mistakes(&[("middle/tests.rs", "use crate::top;\n")]);
    assert!(found.contains("may not use the room `top` in its tests (top)"), "{found}");
}

#[test]
fn rooms_that_may_use_each_other_are_a_circle() {
    let found = mistakes(&[("low.rs", "//! May use: top.\n")]);
    assert!(
        found.starts_with(
            "host/src: the lines \"May use\" make a circle: low → top → middle → low; move what"
        ),
        "{found}"
    );
}

#[test]
fn a_room_says_what_it_may_use_and_names_rooms_only() {
    let found = mistakes(&[("low.rs", "//! Owns numbers.\n")]);
    assert!(
        found.starts_with("host/src/low.rs:1: the first lines do not say which rooms this room may use; add"),
        "{found}"
    );
    let found = mistakes(&[("low.rs", "//! May use: cellar.\n")]);
    assert!(found.contains("names `cellar`, which is not another room of host/src"), "{found}");
}

#[test]
fn what_stands_above_all_rooms_is_for_none_of_them() {
    let found = mistakes(&[("low.rs", "//! May use: nothing.\nuse crate::Everything;\n")]);
    assert!(
        found.contains("low.rs:2: `Everything` is not in a room, but in the file above all rooms; move"),
        "{found}"
    );
}

#[test]
fn a_house_may_be_a_module_of_its_crate() {
    let dev = House { folder: "cli/src/dev", module: &["dev"] };
    let files = [
        ("page.rs", "//! May use: state.\nuse crate::dev::state::State;\nuse crate::output::tell;\n"),
        ("state.rs", "//! May use: nothing.\nuse super::super::output;\nuse crate::dev::page::Page;\n"),
    ];
    let files = files.map(|(name, text)| SourceFile::new("cli/src/dev", name, text.to_owned()));
    let mistakes = dev.check(&files).unwrap_err();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(
        mistakes[0]
            .starts_with("cli/src/dev/state.rs:3: the room `state` may not use the room `page` (page::Page)")
    );
}
