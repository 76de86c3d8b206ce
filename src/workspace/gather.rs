//! What rules make of several files: groups, companions, and directories with a marker.
//!
//! Which file is part of what is decided by paths alone, in this order:
//!
//! 1. A directory with a marker is one as if it had an `asset.json`: no rule claims anything in there, not even a marker
//!    further down. The marker counts where its rule is the first that matches the file.
//! 2. Rules are taken in their order. Each has the files that it is the first to match, unless they are companions of an
//!    earlier rule's; and then the companions of these, unless they were taken before.
//! 3. A file that a rule would group stays alone where it has a sidecar.
//!
//! Pure: what is found in one bucket ([`finds`]) depends on its paths and the configuration, and [`Gathered::of`] puts it
//! together. Knows nothing of contents.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::RelPath;
use crate::model::declaration::{Captures, Group, Inputs};
use crate::model::path::{order_key, parent, sidecar_owner};

use super::bucket::{Kind, Members};
use super::config::Config;
use super::lookup::is_declaration;

/// What a rule makes of one or several sources.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Made {
    /// The index of the rule.
    pub rule: usize,
    /// What it captured.
    pub captures: Captures,
    /// What it is made of.
    pub inputs: Inputs,
}

/// A file of which a rule makes something together with others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Find {
    rule: usize,
    path: RelPath,
    what: What,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum What {
    /// It has these companions.
    Owner(Vec<RelPath>),
    Member(Member),
    /// It marks the directory that it lies in.
    Marker(Captures),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Member {
    place: RelPath,
    dir: RelPath,
    /// The grouping captures.
    captures: Captures,
    /// The values of the others.
    rank: Vec<String>,
    companions: Vec<RelPath>,
}

/// Members of one group.
type Together<'a> = Vec<(&'a Find, &'a Member)>;

/// Returns the files of a bucket of which rules make something together with others.
pub fn finds(config: &Config, members: &Members) -> Vec<Find> {
    let mut finds = Vec::new();
    let mut buf = String::new();
    for idx in 0..members.len() {
        let path = members.path_in(idx, &mut buf);
        // A name that nobody can write is nobody's to take together.
        if members.kind(idx).is_dir() || members.kind(idx) == Kind::BadName || is_declaration(path) {
            continue;
        }
        let Some(rule) = config.claim(path) else { continue };
        let has_sidecar = || idx + 1 < members.len() && sidecar_owner(members.name(idx + 1)) == Some(members.name(idx));
        if let Some(what) = what(config, rule, path, &has_sidecar) {
            finds.push(Find { rule, path: members.path(idx), what });
        }
    }
    finds
}

fn what(config: &Config, index: usize, path: &str, has_sidecar: &dyn Fn() -> bool) -> Option<What> {
    let rule = config.rules.get(index)?;
    if rule.marker.is_some() {
        return Some(What::Marker(config.captures(index, path)));
    }
    if rule.with.is_empty() && rule.group.is_empty() {
        return None;
    }
    let owner = RelPath::new(path)?;
    let captures = config.captures(index, path);
    let companions = config.companions(index, &owner, &captures);
    if rule.group.is_empty() {
        return (!companions.is_empty()).then_some(What::Owner(companions));
    }
    if has_sidecar() {
        return None;
    }
    let (captures, others): (Captures, Captures) =
        captures.into_iter().partition(|it| rule.group.iter().any(|name| **name == *it.0));
    let value = |name: &str| captures.iter().find(|it| *it.0 == *name).map(|it| it.1.clone());
    let (place, dir) = config.rules.pattern(index)?.fill(&value);
    let root = &config.root_of(path)?.path;
    let dir = if dir.is_empty() { root.clone() } else { root.join(&dir)? };
    let (place, rank) = (root.join(&place)?, others.into_iter().map(|it| it.1).collect());
    Some(What::Member(Member { place, dir, captures, rank, companions }))
}

/// What rules make of several files, in a whole workspace.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Gathered {
    /// The directories that have an `asset.json` or a marker that counts, in byte order.
    pub asset_dirs: Vec<RelPath>,
    /// What is made, by the order key of its place.
    made: BTreeMap<Vec<u8>, (RelPath, Made)>,
    /// Companions, also such as are not there, and the first rule that takes them.
    companions: BTreeMap<RelPath, usize>,
    /// The members of groups, and the place of each one's group.
    members: BTreeMap<RelPath, RelPath>,
}

impl Gathered {
    /// Puts together what was [found](finds) in all buckets. `declared` are the directories with an `asset.json`.
    pub fn of(declared: Vec<RelPath>, finds: &[&Find]) -> Self {
        let mut all = Self { asset_dirs: declared, ..Self::default() };
        all.asset_dirs.sort();
        let mut finds = finds.to_vec();
        finds.sort_by(|a, b| (a.rule, &a.path).cmp(&(b.rule, &b.path)));
        all.take_markers(&finds);
        let mut groups: BTreeMap<RelPath, (usize, Together<'_>)> = BTreeMap::new();
        for find in finds {
            let is_taken = all.companions.get(&find.path).is_some_and(|it| *it < find.rule);
            if is_taken || all.governs(parent(find.path.as_str())) {
                continue;
            }
            let companions = match &find.what {
                What::Marker(_) => continue,
                What::Owner(companions) => companions,
                What::Member(member) => {
                    let (rule, members) = groups.entry(member.place.clone()).or_insert((find.rule, Vec::new()));
                    if *rule != find.rule {
                        continue; // Another rule's group has this very place; the file stays unclaimed.
                    }
                    members.push((find, member));
                    &member.companions
                }
            };
            for companion in companions {
                all.companions.entry(companion.clone()).or_insert(find.rule);
            }
        }
        for (place, (rule, members)) in groups {
            all.take_group(place, rule, members);
        }
        all
    }

    /// Of two markers in one directory the one of the earlier rule counts, of two in each other the outer one.
    fn take_markers(&mut self, finds: &[&Find]) {
        let marker = |it: &&Find| match &it.what {
            What::Marker(captures) => Some((it.path.parent()?, it.rule, captures.clone())),
            _ => None,
        };
        let mut markers: Vec<_> = finds.iter().filter_map(marker).collect();
        markers.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
        for (dir, rule, captures) in markers {
            if self.governs(dir.as_str()) {
                continue;
            }
            let at = self.asset_dirs.partition_point(|it| *it < dir);
            self.asset_dirs.insert(at, dir.clone());
            self.put(dir, Made { rule, captures, inputs: Inputs::Directory });
        }
    }

    fn take_group(&mut self, place: RelPath, rule: usize, mut members: Together<'_>) {
        members.sort_by(|a, b| rank(&a.1.rank, &b.1.rank).then_with(|| a.0.path.cmp(&b.0.path)));
        let Some((_, first)) = members.first() else { return };
        let (dir, captures) = (first.dir.clone(), first.captures.clone());
        let mut seen = BTreeSet::new();
        let companions =
            members.iter().flat_map(|it| &it.1.companions).filter(|it| seen.insert(*it)).cloned().collect();
        let members: Vec<RelPath> = members.into_iter().map(|it| it.0.path.clone()).collect();
        self.members.extend(members.iter().map(|it| (it.clone(), place.clone())));
        self.put(place, Made { rule, captures, inputs: Inputs::Group(Group { dir, members, companions }) });
    }

    fn put(&mut self, place: RelPath, made: Made) {
        self.made.insert(order_key(place.as_str()), (place, made));
    }

    /// Returns whether a directory is an asset, or lies in one.
    fn governs(&self, dir: &str) -> bool {
        let mut at = dir;
        loop {
            if self.asset_dirs.binary_search_by(|it| it.as_str().cmp(at)).is_ok() {
                return true;
            }
            if at.is_empty() {
                return false;
            }
            at = parent(at);
        }
    }

    /// Returns what is made at a place.
    pub fn at(&self, place: &RelPath) -> Option<&Made> {
        self.made.get(&order_key(place.as_str())).map(|it| &it.1)
    }

    /// Returns the place of the group that a file is a member of.
    pub fn group_of(&self, path: &RelPath) -> Option<&RelPath> {
        self.members.get(path)
    }

    /// Returns the first rule that takes a file as a companion.
    pub fn companion_of(&self, path: &RelPath) -> Option<usize> {
        self.companions.get(path).copied()
    }

    /// Returns what of this has to do with a bucket: what is made behind `after` and up to `end`, and which of its files
    /// are taken.
    pub fn part(&self, members: &Members, after: Option<&[u8]>, end: Option<&[u8]>) -> Here {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let to = end.map_or(Unbounded, Included);
        let made = self.made.range::<[u8], _>((from, to)).map(|it| it.1.clone()).collect();
        let mut here = Here { made, ..Here::default() };
        if self.companions.is_empty() && self.members.is_empty() {
            return here;
        }
        let mut buf = String::new();
        for idx in 0..members.len() {
            let path = members.path_in(idx, &mut buf);
            if self.members.contains_key(path) {
                here.grouped.push(idx as u32);
            } else if let Some(rule) = self.companions.get(path) {
                here.companions.insert(idx as u32, *rule);
            }
        }
        here
    }
}

/// What rules that take several files together have to do with one bucket.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Here {
    /// What is declared here: place, and what is made there.
    pub made: Vec<(RelPath, Made)>,
    /// The numbers of files that are companions, and the first rule that takes each.
    pub companions: BTreeMap<u32, usize>,
    /// The numbers of files that are members of groups, ascending.
    pub grouped: Vec<u32>,
}

impl Here {
    /// Returns what is made at a place.
    pub fn at(&self, place: &str) -> Option<&Made> {
        self.made.iter().find(|it| it.0.as_str() == place).map(|it| &it.1)
    }
}

/// Orders members of a group: one captured value after the other, numbers by what they are worth.
fn rank(a: &[String], b: &[String]) -> Ordering {
    let natural = a.iter().zip(b).map(|(a, b)| natural(a, b)).find(|it| it.is_ne());
    natural.unwrap_or(Ordering::Equal).then_with(|| a.cmp(b))
}

/// Compares two texts in which runs of digits stand for numbers.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let [one, two] = [a, b].map(|it| it.chars().next());
        let (Some(one), Some(two)) = (one, two) else { return one.is_some().cmp(&two.is_some()) };
        if one.is_ascii_digit() && two.is_ascii_digit() {
            let [digits_a, digits_b] =
                [a, b].map(|it| it.len() - it.trim_start_matches(|c: char| c.is_ascii_digit()).len());
            let [number_a, number_b] = [&a[..digits_a], &b[..digits_b]].map(|it| it.trim_start_matches('0'));
            let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
            if order.is_ne() {
                return order;
            }
            (a, b) = (&a[digits_a..], &b[digits_b..]);
        } else if one != two {
            return one.cmp(&two);
        } else {
            (a, b) = (&a[one.len_utf8()..], &b[two.len_utf8()..]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::testing::{config, tree_of};

    fn gathered(rules: &str, declared: &[&str], paths: &[&str]) -> Gathered {
        let head = "workspace = \"01234567-89ab-8def-8123-456789abcdef\"\n[[roots]]\npath = \"a\"\n";
        let config = config(&format!("{head}{rules}"));
        let tree = tree_of(paths);
        let finds: Vec<Find> = tree.buckets().iter().flat_map(|it| finds(&config, it.members())).collect();
        let declared = declared.iter().map(|it| RelPath::new(it).expect("a path")).collect();
        Gathered::of(declared, &finds.iter().collect::<Vec<_>>())
    }

    fn shown(all: &Gathered) -> String {
        let mut lines = Vec::new();
        for (place, made) in all.made.values() {
            let captures: Vec<_> = made.captures.iter().map(|it| format!("{}={}", it.0, it.1)).collect();
            let inputs = match &made.inputs {
                Inputs::Group(group) => {
                    let names =
                        |it: &[RelPath]| it.iter().map(|it| group.dir.relative(it)).collect::<Vec<_>>().join(" ");
                    format!("{} | {} in {}", names(&group.members), names(&group.companions), group.dir)
                }
                other => format!("{other:?}"),
            };
            lines.push(format!("{place} by {} {}: {inputs}", made.rule, captures.join(" ")));
        }
        lines.extend(all.companions.iter().map(|(path, rule)| format!("{path} with {rule}")));
        lines.join("\n")
    }

    #[test]
    fn members_are_taken_together_in_their_natural_order() {
        let rules = "[[rules]]\nmatch = \"{dir}/{stem}.{n}.ogg\"\ngroup = [\"dir\", \"stem\"]\nwith = [\"{dir}/{stem}.txt\", \
                     \"{dir}/{stem}.{n}.txt\"]\ntype = \"raw\"\n";
        let all = gathered(
            rules,
            &["a/own"],
            &[
                "a/s/x.1.ogg",
                "a/s/x.10.ogg",
                "a/s/x.9.ogg",
                "a/s/x.09.ogg",
                "a/s/y.b.ogg",
                "a/s/x.2.ogg",
                "a/s/x.2.ogg.asset.json",
                "a/own/z.1.ogg",
                "a/own/deep/z.1.ogg",
                "a/t/u/x.1.ogg",
            ],
        );
        expect_test::expect![[r#"
            a/s/x.{n}.ogg by 0 dir=s stem=x: x.1.ogg x.09.ogg x.9.ogg x.10.ogg | x.txt x.1.txt x.09.txt x.9.txt x.10.txt in a/s
            a/s/y.{n}.ogg by 0 dir=s stem=y: y.b.ogg | y.txt y.b.txt in a/s
            a/t/u/x.{n}.ogg by 0 dir=t/u stem=x: x.1.ogg | x.txt x.1.txt in a/t/u
            a/s/x.09.txt with 0
            a/s/x.1.txt with 0
            a/s/x.10.txt with 0
            a/s/x.9.txt with 0
            a/s/x.txt with 0
            a/s/y.b.txt with 0
            a/s/y.txt with 0
            a/t/u/x.1.txt with 0
            a/t/u/x.txt with 0"#]]
        .assert_eq(&shown(&all));
    }

    #[test]
    fn earlier_rules_and_their_companions_come_first() {
        let rule = |text: &str| format!("[[rules]]\n{text}\ntype = \"raw\"\n");
        let one = rule("match = \"{s}.ogg\"\nwith = [\"{s}.txt\", \"{s}.wav\"]");
        let two = rule("match = \"{s}.wav\"\nwith = [\"{s}.cue\", \"{s}.txt\"]");
        let files = ["a/x.ogg", "a/x.wav", "a/x.txt", "a/x.cue", "a/y.wav"];
        // What is a companion has none itself.
        let all = shown(&gathered(&format!("{one}{two}"), &[], &files));
        assert_eq!(all, "a/x.txt with 0\na/x.wav with 0\na/y.cue with 1\na/y.txt with 1");
        let all = shown(&gathered(&format!("{two}{one}"), &[], &files));
        assert_eq!(all, "a/x.cue with 0\na/x.txt with 0\na/x.wav with 1\na/y.cue with 0\na/y.txt with 0");
        // Two of one rule that are each other's companions both stay: their rule has them first.
        let both = gathered(&rule("match = \"{s}.{e}\"\nwith = [\"{s}.txt\", \"{s}.wav\"]"), &[], &files);
        assert_eq!(both.companion_of(&RelPath::new("a/x.wav").expect("a path")), Some(0));
    }

    #[test]
    fn the_outer_marker_makes_an_asset_of_its_directory() {
        let rules = "[[rules]]\nmatch = \"old/**\"\ntype = \"raw\"\n[[rules]]\nmatch = \"mods/{mod}\"\nmarker = \
                     \"init.lua\"\ntype = \"raw\"\n[[rules]]\nmarker = \"init.lua\"\ntype = \"raw\"\n";
        let all = gathered(
            rules,
            &["a/own"],
            &[
                "a/mods/m/init.lua",
                "a/mods/m/lib/init.lua",
                "a/own/x/init.lua",
                "a/old/init.lua",
                "a/z/y/init.lua",
                "a/z/y-/init.lua",
                "a/z/init.luac",
            ],
        );
        expect_test::expect![[r#"
            a/mods/m by 1 mod=m: Directory
            a/z/y by 2 : Directory
            a/z/y- by 2 : Directory"#]]
        .assert_eq(&shown(&all));
        let dirs: Vec<&str> = all.asset_dirs.iter().map(RelPath::as_str).collect();
        assert_eq!(dirs, ["a/mods/m", "a/own", "a/z/y", "a/z/y-"]);
    }

    #[test]
    fn numbers_are_ordered_by_what_they_are_worth() {
        let mut texts = ["b", "10", "9", "a10", "a9", "09", "a", "", "1.10", "1.9", "00", "99999999999999999999999"];
        texts.sort_by(|a, b| rank(&[(*a).to_owned()], &[(*b).to_owned()]));
        assert_eq!(texts, ["", "00", "1.9", "1.10", "09", "9", "10", "99999999999999999999999", "a", "a9", "a10", "b"]);
    }
}
