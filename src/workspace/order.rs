//! An order in which things come after what they refer to, and the circles that keep some from having one.
//!
//! Never recurses: what refers to what is authored, and a chain may be as long as an author likes.

use std::collections::{BTreeMap, BTreeSet};

/// What each thing refers to, by name. References to things that are not keys are ignored.
pub type Edges<'a> = BTreeMap<&'a str, Vec<&'a str>>;

/// Returns the things in an order in which each comes after what it refers to, as far as there is one, and the
/// circles, each from one of its members to the one that refers back to it.
pub fn order<'a>(edges: &Edges<'a>) -> (Vec<&'a str>, Vec<Vec<&'a str>>) {
    let mut waits_for: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut waited_by: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, targets) in edges {
        let known: BTreeSet<&str> = targets.iter().copied().filter(|it| edges.contains_key(it)).collect();
        for to in &known {
            waited_by.entry(to).or_default().push(from);
        }
        waits_for.insert(from, known);
    }
    let mut ready: BTreeSet<&str> = waits_for.iter().filter(|(_, it)| it.is_empty()).map(|(it, _)| *it).collect();
    let mut ordered = Vec::with_capacity(edges.len());
    while let Some(next) = ready.pop_first() {
        ordered.push(next);
        waits_for.remove(next);
        for waiting in waited_by.remove(next).unwrap_or_default() {
            if let Some(left) = waits_for.get_mut(waiting)
                && left.remove(next)
                && left.is_empty()
            {
                ready.insert(waiting);
            }
        }
    }
    (ordered, circles(&waits_for))
}

/// Returns circles in `left`, where everything refers to something that is in `left` as well: at least one
/// where there is any.
fn circles<'a>(left: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<Vec<&'a str>> {
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for start in left.keys() {
        let mut walk = Vec::new();
        let mut position = BTreeMap::new();
        let mut at = *start;
        while seen.insert(at) {
            position.insert(at, walk.len());
            walk.push(at);
            at = left.get(at).and_then(BTreeSet::first).expect("what is left refers to something that is left");
        }
        if let Some(first) = position.get(at) {
            circles.push(walk[*first..].to_vec());
        }
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(edges: &[(&'static str, &[&'static str])]) -> (String, Vec<String>) {
        let edges = edges.iter().map(|(from, to)| (*from, to.to_vec())).collect();
        let (ordered, circles) = order(&edges);
        (ordered.join(" "), circles.iter().map(|it| it.join(" ")).collect())
    }

    #[test]
    fn referred_things_come_first() {
        assert_eq!(check(&[("a", &["c", "b"]), ("b", &["c", "gone"]), ("c", &[])]), ("c b a".into(), vec![]));
    }

    #[test]
    fn every_circle_is_found_once() {
        let edges: &[(&str, &[&str])] =
            &[("a", &["b"]), ("b", &["c"]), ("c", &["b"]), ("d", &["d"]), ("e", &["a", "f"]), ("f", &[])];
        assert_eq!(check(edges), ("f".into(), vec!["b c".into(), "d".into()]));
    }

    #[test]
    fn a_long_chain_is_no_trouble() {
        let names: Vec<String> = (0..100_000).map(|it| format!("{it:06}")).collect();
        let edges: Edges<'_> = names.windows(2).map(|it| (it[0].as_str(), vec![it[1].as_str()])).collect();
        assert_eq!(order(&edges).0.len(), edges.len());
    }
}
