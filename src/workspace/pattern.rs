//! Patterns with captures: what `match` of a rule says, and the texts that are filled in with what was captured.
//!
//! A pattern is a glob in which `{name}` stands for one or more characters and remembers them:
//!
//! | written | stands for |
//! | --- | --- |
//! | `{name}` | one or more characters of one component: never a `/` |
//! | `{name:**}` | one or more whole components; it is a component of its own: `levels/{world:**}/map.json` |
//! | `{name:*}` | exactly one whole component |
//! | `{name}/` at the very beginning | the same as `{name:**}/`: the directory that a file lies in, however deep |
//! | `{a,b}` | one of these, as in every glob; a capture is told from it by having no comma |
//!
//! Where a path can be read in several ways, what stands further left takes as much as it can: `{stem}.{n}.ogg` reads
//! `a.b.3.ogg` as `a.b` and `3`.
//!
//! Pure: knows nothing of rules or of what is on disk. Matching takes time in proportion to the lengths of pattern and
//! path multiplied, whatever these are.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use serde::Serialize;

use crate::model::declaration::Captures;
use crate::model::suggest::shown;

/// A pattern that captures something, ready to be asked.
#[derive(Clone, Debug)]
pub struct Pattern {
    captures: Vec<Arc<str>>,
    components: Vec<Component>,
    program: Vec<Step>,
}

/// What a component of a pattern stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Component {
    /// `**`
    Deep,
    /// `{name:**}`, by the number of the capture.
    Span(usize),
    /// Anything within one component of a path.
    Tokens(Vec<Token>),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    Literal(char),
    /// `?`
    One,
    /// `*`
    Any,
    /// `[a-z]`
    Class(Class),
    /// `{a,b}`
    Alternatives(Vec<Vec<Token>>),
    /// `{name}`, by the number of the capture.
    Capture(usize),
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Class {
    negated: bool,
    ranges: Vec<RangeInclusive<char>>,
}

impl Class {
    fn holds(&self, char: char) -> bool {
        self.ranges.iter().any(|it| it.contains(&char)) != self.negated
    }
}

/// A step of the machine that matches. It goes on with the next one, but for those that say where.
#[derive(Clone, Debug)]
enum Step {
    Char(char),
    /// Any character that is no `/`.
    NoSlash,
    /// Any character.
    Anything,
    Class(Class),
    /// Tries the first way, and the second where that fails.
    Split(usize, usize),
    Jump(usize),
    /// Remembers the position: where capture n begins (2n) or ends (2n + 1).
    Save(usize),
}

impl Pattern {
    /// Reads a pattern; `None` for one without captures, which is a plain glob.
    ///
    /// # Errors
    ///
    /// What is wrong with it, in one sentence.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if !has_captures(text) {
            return Ok(None);
        }
        let mut parser = Parser { captures: Vec::new() };
        let parts = split_components(text)?;
        let components: Vec<Component> = parts
            .iter()
            .enumerate()
            .map(|(idx, it)| parser.component(it, idx == 0 && parts.len() > 1))
            .collect::<Result<_, _>>()?;
        let program = compile(&components);
        Ok(Some(Self { captures: parser.captures, components, program }))
    }

    /// Returns the names of the captures, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.captures.iter().map(|it| &**it)
    }

    /// Returns whether this is made of captures and plain text alone, so that the values of all captures tell the path.
    pub fn is_plain(&self) -> bool {
        self.components.iter().all(|it| match it {
            Component::Deep => false,
            Component::Span(_) => true,
            Component::Tokens(tokens) => tokens.iter().all(|it| matches!(it, Token::Literal(_) | Token::Capture(_))),
        })
    }

    /// Returns a glob that matches whatever the pattern does, and maybe more.
    pub fn glob(&self) -> String {
        let glob = |it: &Component| match it {
            Component::Deep | Component::Span(_) => "**".to_owned(),
            Component::Tokens(tokens) => tokens_as_glob(tokens),
        };
        let mut components: Vec<String> = self.components.iter().map(glob).collect();
        components.dedup_by(|a, b| a == "**" && b == "**");
        components.join("/")
    }

    /// Returns what the captures stand for in `path`; `None` where it does not match.
    pub fn captures(&self, path: &str) -> Option<Captures> {
        let slots = self.run(path)?;
        let value = |nth: usize| path[slots[2 * nth]..slots[2 * nth + 1]].to_owned();
        Some(self.captures.iter().enumerate().map(|(nth, name)| (name.clone(), value(nth))).collect())
    }

    /// Returns the pattern with some captures filled in and the others left as `{name}`, and the directory that it lies in
    /// as far as that is known. Only of a [plain](Pattern::is_plain) one.
    pub fn fill(&self, values: &dyn Fn(&str) -> Option<String>) -> (String, String) {
        let (mut all, mut dir): (Vec<String>, Option<String>) = (Vec::new(), None);
        for (idx, component) in self.components.iter().enumerate() {
            let mut is_known = idx + 1 < self.components.len();
            let mut filled = |nth: usize| {
                let name = &*self.captures[nth];
                let value = values(name);
                is_known &= value.is_some();
                value.unwrap_or_else(|| format!("{{{name}}}"))
            };
            let text = match component {
                Component::Deep => "**".to_owned(),
                Component::Span(nth) => filled(*nth),
                Component::Tokens(tokens) => {
                    let text = |it: &Token| match it {
                        Token::Literal(it) => it.to_string(),
                        Token::Capture(nth) => filled(*nth),
                        _ => "*".to_owned(),
                    };
                    tokens.iter().map(text).collect()
                }
            };
            if !is_known && dir.is_none() {
                dir = Some(all.join("/"));
            }
            all.push(text);
        }
        (all.join("/"), dir.unwrap_or_default())
    }

    /// Runs the machine: every pair of step and position is tried at most once, so that no pattern takes long.
    fn run(&self, path: &str) -> Option<Vec<usize>> {
        let width = path.len() + 1;
        let mut tried = vec![false; width * (self.program.len() + 1)];
        let mut slots = vec![0; 2 * self.captures.len()];
        let mut todo = vec![Todo::Go(0, 0)];
        while let Some(next) = todo.pop() {
            let (mut step, mut at) = match next {
                Todo::Restore(slot, value) => {
                    slots[slot] = value;
                    continue;
                }
                Todo::Go(step, at) => (step, at),
            };
            loop {
                if std::mem::replace(&mut tried[step * width + at], true) {
                    break;
                }
                let Some(now) = self.program.get(step) else {
                    if at == path.len() {
                        return Some(slots);
                    }
                    break;
                };
                let char = path[at..].chars().next();
                let takes = match now {
                    Step::Char(it) => char == Some(*it),
                    Step::NoSlash => char.is_some_and(|it| it != '/'),
                    Step::Anything => char.is_some(),
                    Step::Class(class) => char.is_some_and(|it| it != '/' && class.holds(it)),
                    Step::Split(first, second) => {
                        todo.push(Todo::Go(*second, at));
                        step = *first;
                        continue;
                    }
                    Step::Jump(to) => {
                        step = *to;
                        continue;
                    }
                    Step::Save(slot) => {
                        todo.push(Todo::Restore(*slot, slots[*slot]));
                        slots[*slot] = at;
                        step += 1;
                        continue;
                    }
                };
                let Some(char) = char.filter(|_| takes) else { break };
                (step, at) = (step + 1, at + char.len_utf8());
            }
        }
        None
    }
}

enum Todo {
    Go(usize, usize),
    Restore(usize, usize),
}

/// Returns whether a pattern holds braces without a comma, outside of brackets.
fn has_captures(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '[']) {
        let (close, opening) = if rest[at..].starts_with('{') { ('}', '{') } else { (']', '[') };
        rest = &rest[at + 1..];
        let Some(end) = rest.find(close) else { return false };
        if opening == '[' {
            // A bracket that comes first is part of the class.
            let skip = usize::from(rest.starts_with(['!', '^']));
            let first = skip + usize::from(rest[skip..].starts_with(']'));
            let Some(end) = rest[first..].find(']') else { return false };
            rest = &rest[first + end + 1..];
        } else if !rest[..end].contains([',', '{']) {
            return true;
        }
    }
    false
}

/// Splits a pattern at each `/`. In brackets and braces none may stand.
fn split_components(text: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<&str> = text.split('/').collect();
    let is_cut = |it: &&str| it.matches('{').count() != it.matches('}').count();
    if parts.iter().any(|it| is_cut(it) && !it.contains('[')) {
        return Err("in a pattern with captures, braces hold no `/`, and each one that opens is closed".to_owned());
    }
    Ok(parts)
}

struct Parser {
    captures: Vec<Arc<str>>,
}

impl Parser {
    fn component(&mut self, text: &str, leads: bool) -> Result<Component, String> {
        if text == "**" {
            return Ok(Component::Deep);
        }
        if let Some(name) = text.strip_prefix('{').and_then(|it| it.strip_suffix('}')).filter(|it| is_inner(it)) {
            let spans = name.strip_suffix(":**").or_else(|| (leads && is_name(name)).then_some(name));
            if let Some(name) = spans {
                return Ok(Component::Span(self.capture(name)?));
            }
            if let Some(name) = name.strip_suffix(":*") {
                return Ok(Component::Tokens(vec![Token::Capture(self.capture(name)?)]));
            }
        }
        let mut chars = text.chars().peekable();
        let tokens = self.tokens(&mut chars, 0)?;
        let twice = |it: &[Token]| matches!(it, [Token::Capture(_), Token::Capture(_) | Token::Any]);
        if tokens.windows(2).any(|it| twice(it) || matches!(it, [Token::Any, Token::Capture(_)])) {
            return Err(format!(
                "in `{}` nothing tells where one capture ends and what follows begins: put something between them",
                shown(text)
            ));
        }
        Ok(Component::Tokens(tokens))
    }

    /// Reads up to the end, or within braces up to `,` or `}`.
    fn tokens(&mut self, chars: &mut Chars<'_>, depth: usize) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        while let Some(char) = chars.next_if(|it| depth == 0 || !matches!(it, ',' | '}')) {
            tokens.push(match char {
                '?' => Token::One,
                '*' => Token::Any,
                '[' => Token::Class(class(chars)?),
                '{' => self.braces(chars, depth)?,
                '}' => return Err("a `}` closes nothing".to_owned()),
                other => Token::Literal(other),
            });
        }
        tokens.dedup_by(|a, b| *a == Token::Any && *b == Token::Any);
        Ok(tokens)
    }

    fn braces(&mut self, chars: &mut Chars<'_>, depth: usize) -> Result<Token, String> {
        const DEEPEST: usize = 16;
        let ahead: String = chars.clone().take_while(|it| !matches!(it, ',' | '{' | '}')).collect();
        if chars.clone().nth(ahead.chars().count()) == Some('}') {
            if depth > 0 {
                return Err(format!(
                    "the capture `{{{}}}` stands among alternatives, which may not be there",
                    shown(&ahead)
                ));
            }
            if ahead.ends_with(":**") || ahead.ends_with(":*") {
                return Err(format!("`{{{}}}` is a whole component: it stands between two `/`", shown(&ahead)));
            }
            chars.nth(ahead.chars().count());
            return Ok(Token::Capture(self.capture(&ahead)?));
        }
        if depth == DEEPEST {
            return Err("alternatives are nested too deeply".to_owned());
        }
        let mut alternatives = vec![self.tokens(chars, depth + 1)?];
        loop {
            match chars.next() {
                Some(',') => alternatives.push(self.tokens(chars, depth + 1)?),
                Some('}') => return Ok(Token::Alternatives(alternatives)),
                _ => return Err("a `{` is not closed".to_owned()),
            }
        }
    }

    fn capture(&mut self, name: &str) -> Result<usize, String> {
        if !is_name(name) {
            return Err(format!(
                "`{{{}}}` is no capture: its name is made of letters, digits and `_`, and begins with a letter",
                shown(name)
            ));
        }
        if self.captures.iter().any(|it| **it == *name) {
            return Err(format!("`{{{name}}}` captures twice; give one of them another name"));
        }
        self.captures.push(name.into());
        Ok(self.captures.len() - 1)
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn is_inner(text: &str) -> bool {
    !text.contains(['{', '}', ','])
}

fn is_name(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_part = |it: char| it.is_ascii_alphanumeric() || it == '_';
    text.len() <= LONGEST && text.starts_with(|it: char| it.is_ascii_alphabetic()) && text.chars().all(is_part)
}

/// Reads a class from behind its `[`.
fn class(chars: &mut Chars<'_>) -> Result<Class, String> {
    let unclosed = || "unclosed character class; missing ']'".to_owned();
    let negated = chars.next_if(|it| matches!(it, '!' | '^')).is_some();
    let mut ranges = Vec::new();
    loop {
        let first = chars.next().ok_or_else(unclosed)?;
        if first == ']' && !ranges.is_empty() {
            return Ok(Class { negated, ranges });
        }
        let is_range = chars.peek() == Some(&'-') && chars.clone().nth(1).is_some_and(|it| it != ']');
        let last = if is_range { chars.nth(1).ok_or_else(unclosed)? } else { first };
        if last < first {
            return Err(format!("the range `{first}-{last}` is empty"));
        }
        ranges.push(first..=last);
    }
}

fn tokens_as_glob(tokens: &[Token]) -> String {
    let mut glob = String::new();
    for token in tokens {
        match token {
            // No character that means something to a glob can be a literal outside of brackets.
            Token::Literal(it) => glob.push(*it),
            Token::Alternatives(all) => {
                let all: Vec<String> = all.iter().map(|it| tokens_as_glob(it)).collect();
                glob.push_str(&format!("{{{}}}", all.join(",")));
            }
            // What is told by characters here is told by bytes there.
            _ if glob.ends_with('*') => {}
            _ => glob.push('*'),
        }
    }
    glob
}

fn compile(components: &[Component]) -> Vec<Step> {
    let mut program = Vec::new();
    for (idx, component) in components.iter().enumerate() {
        let is_last = idx + 1 == components.len();
        match component {
            Component::Deep if is_last => many(&mut program, Step::Anything),
            Component::Deep => {
                // Any number of components, each with its `/`, rather more than fewer.
                let start = program.len();
                program.push(Step::Jump(0));
                many(&mut program, Step::NoSlash);
                program.extend([Step::Char('/'), Step::Jump(start)]);
                program[start] = Step::Split(start + 1, program.len());
                continue;
            }
            Component::Span(nth) => {
                program.push(Step::Save(2 * nth));
                many(&mut program, Step::Anything);
                program.push(Step::Save(2 * nth + 1));
            }
            Component::Tokens(tokens) => compile_tokens(tokens, &mut program),
        }
        if !is_last {
            program.push(Step::Char('/'));
        }
    }
    program
}

/// Adds one or more of a step, as many as possible.
fn many(program: &mut Vec<Step>, step: Step) {
    let start = program.len();
    program.extend([step, Step::Split(start, start + 2)]);
}

fn compile_tokens(tokens: &[Token], program: &mut Vec<Step>) {
    for token in tokens {
        match token {
            Token::Literal(it) => program.push(Step::Char(*it)),
            Token::One => program.push(Step::NoSlash),
            Token::Class(class) => program.push(Step::Class(class.clone())),
            Token::Any => {
                let start = program.len();
                program.extend([Step::Split(start + 1, start + 3), Step::NoSlash, Step::Jump(start)]);
            }
            Token::Capture(nth) => {
                program.push(Step::Save(2 * nth));
                many(program, Step::NoSlash);
                program.push(Step::Save(2 * nth + 1));
            }
            Token::Alternatives(all) => compile_alternatives(all, program),
        }
    }
}

fn compile_alternatives(all: &[Vec<Token>], program: &mut Vec<Step>) {
    let mut ends = Vec::new();
    for (idx, tokens) in all.iter().enumerate() {
        let split = program.len();
        let is_last = idx + 1 == all.len();
        if !is_last {
            program.push(Step::Jump(0));
        }
        compile_tokens(tokens, program);
        if !is_last {
            ends.push(program.len());
            program.push(Step::Jump(0));
            program[split] = Step::Split(split + 1, program.len());
        }
    }
    let end = program.len();
    ends.into_iter().for_each(|it| program[it] = Step::Jump(end));
}

/// A text with captures to be filled in: `{dir}/{stem}`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Template(Vec<Piece>);

#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
enum Piece {
    Text(String),
    Capture(String),
}

impl Template {
    /// Reads a template that may refer to the captures `known`.
    ///
    /// # Errors
    ///
    /// It is empty, a brace stands alone, or a capture is not known: one sentence.
    pub fn parse(text: &str, known: &BTreeSet<&str>) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the text is empty".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let lone = || format!("in `{}` a brace stands alone: a capture is written `{{name}}`", shown(text));
            let (name, after) = after.split_once('}').ok_or_else(lone)?;
            if before.contains('}') {
                return Err(lone());
            }
            if !known.contains(name) {
                return Err(unknown(name, known));
            }
            pieces.extend((!before.is_empty()).then(|| Piece::Text(before.to_owned())));
            pieces.push(Piece::Capture(name.to_owned()));
            rest = after;
        }
        if rest.contains('}') {
            return Err(format!("in `{}` a brace stands alone: a capture is written `{{name}}`", shown(text)));
        }
        pieces.extend((!rest.is_empty()).then(|| Piece::Text(rest.to_owned())));
        Ok(Self(pieces))
    }

    /// Returns the text with what was captured. What was not captured is left out.
    pub fn fill(&self, captures: &[(Arc<str>, String)]) -> String {
        let value = |name: &str| captures.iter().find(|it| *it.0 == *name).map_or("", |it| &it.1);
        let text = |it: &Piece| match it {
            Piece::Text(text) => text.clone(),
            Piece::Capture(name) => value(name).to_owned(),
        };
        self.0.iter().map(text).collect()
    }

    /// Returns whether it refers to one of the captures that `is_meant` holds of.
    pub fn refers(&self, is_meant: impl Fn(&str) -> bool) -> bool {
        self.0.iter().any(|it| matches!(it, Piece::Capture(name) if is_meant(name)))
    }
}

/// Says that a capture is not known, and which are.
pub fn unknown(name: &str, known: &BTreeSet<&str>) -> String {
    let all: Vec<String> = known.iter().map(|it| format!("`{{{it}}}`")).collect();
    match all.as_slice() {
        [] => format!("there is no capture `{{{}}}`: the pattern has none", shown(name)),
        all => format!("there is no capture `{{{}}}`; the pattern has {}", shown(name), all.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, path: &str) -> Option<String> {
        let pattern = Pattern::parse(pattern).expect("a pattern").expect("with captures");
        let captures = pattern.captures(path)?;
        Some(captures.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn captures_stand_for_what_they_should() {
        for (pattern, path, expected) in [
            ("{dir}/{stem}.{n}.ogg", "sfx/steps/a.3.ogg", Some("dir=sfx/steps stem=a n=3")),
            ("{dir}/{stem}.{n}.ogg", "sfx/a.b.3.ogg", Some("dir=sfx stem=a.b n=3")),
            ("{dir}/{stem}.{n}.ogg", "a.3.ogg", None),
            ("{dir}/{stem}.{n}.ogg", "sfx/a.ogg", None),
            ("{dir}/{stem}.{n}.ogg", "sfx/.3.ogg", None),
            ("{stem}.png", "a.png", Some("stem=a")),
            ("{stem}.png", "x/a.png", None),
            ("{dir:*}/{stem}", "x/a", Some("dir=x stem=a")),
            ("{dir:*}/{stem}", "x/y/a", None),
            ("lv/{world}/{level}/map", "lv/1/2/map", Some("world=1 level=2")),
            ("lv/{world}/{level}/map", "lv/1/2/3/map", None),
            ("lv/{world:**}/map", "lv/1/2/3/map", Some("world=1/2/3")),
            ("lv/{world:**}/map", "lv/map", None),
            ("lv/{rest:**}", "lv/1/2", Some("rest=1/2")),
            ("**/{name}.{ext}", "a/b/c.d.e", Some("name=c.d ext=e")),
            ("**/{name}.{ext}", "c.e", Some("name=c ext=e")),
            ("**/{set}/*.png", "a/b/c/x.png", Some("set=c")),
            ("{set}-{n}.{png,jpg}", "run-1.jpg", Some("set=run n=1")),
            ("{set}-{n}.{png,jpg}", "run-1.gif", None),
            ("{n}[0-9]?.x", "a17.x", Some("n=a")),
            ("{n}[!0-9].x", "a1b.x", Some("n=a1")),
            ("x[{]{n}", "x{1", Some("n=1")),
            ("\u{e4}?{n}", "\u{e4}\u{f6}\u{fc}", Some("n=\u{fc}")),
            ("{n}{.a,}/**", "z.a/b/c", Some("n=z.a")),
            ("{dir}/{a}_*", "p/q/x_y", Some("dir=p/q a=x")),
        ] {
            assert_eq!(captured(pattern, path).as_deref(), expected, "{pattern} {path}");
        }
    }

    #[test]
    fn plain_globs_have_no_captures() {
        for text in ["**/*.png", "{a,b}/x", "[{]x}", "x[a{b}]", "[]{a}]", "a"] {
            assert!(Pattern::parse(text).expect("a glob").is_none(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let problem = |text: &str| Pattern::parse(text).expect_err(text);
        for text in [
            "{}",
            "{1}",
            "{a b}",
            "{a}{b}",
            "{a}*",
            "*{a}",
            "{a}/{a}",
            "x{a:**}",
            "{a}/{b,{c}}",
            "{a}{",
            "{a}}",
            "{a}/[x",
            "{a}/{b/c,d}",
            "{:**}/x",
            "{a}[z-a]",
            "{a:x}",
        ] {
            assert!(!problem(text).is_empty(), "{text}");
        }
        assert_eq!(problem("{a}/{a}"), "`{a}` captures twice; give one of them another name");
    }

    #[test]
    fn the_glob_matches_whatever_the_pattern_does() {
        let patterns = [
            "{dir}/{stem}.{n}.ogg",
            "**/{a}.png",
            "{a:*}/x",
            "x/{a:**}/{b}",
            "{a,b}/{c}.{d,e}",
            "{n}[ab]?",
            "{a:**}",
            "{a}!],^{b}.x",
        ];
        let paths = [
            "s/a.1.ogg",
            "a.png",
            "y/a.png",
            "q/x",
            "x/1/2/3",
            "a/z.d",
            "b/z.e",
            "zb\u{e4}",
            "u/v/w",
            "x/y",
            "zaa",
            "z!],^y.x",
        ];
        let mut matched = 0;
        for pattern in patterns {
            let parsed = Pattern::parse(pattern).expect("a pattern").expect("with captures");
            let glob = crate::model::reference::compile(&parsed.glob()).expect("a glob");
            for path in paths {
                matched += usize::from(parsed.captures(path).is_some());
                assert!(parsed.captures(path).is_none() || glob.is_match(path), "{pattern} {} {path}", parsed.glob());
            }
        }
        assert!(matched > 8, "{matched}");
    }

    #[test]
    fn hostile_patterns_take_no_time() {
        let pattern = format!("{{a}}{}", "x*".repeat(300));
        let parsed = Pattern::parse(&pattern).expect("a pattern").expect("with captures");
        assert_eq!(parsed.captures(&"x".repeat(299)), None);
        assert!(Pattern::parse(&"{a,".repeat(200)).is_ok(), "no captures");
        assert!(Pattern::parse(&format!("{{x}}{}", "{a,".repeat(200))).is_err());
    }

    #[test]
    fn a_plain_pattern_is_filled_in_again() {
        let parsed = Pattern::parse("{dir}/{stem}.{n}.ogg").expect("a pattern").expect("with captures");
        let value = |name: &str| ["dir", "stem"].contains(&name).then(|| format!("<{name}>"));
        assert!(parsed.is_plain());
        assert_eq!(parsed.fill(&value), ("<dir>/<stem>.{n}.ogg".to_owned(), "<dir>".to_owned()));
        let parsed = Pattern::parse("{dir}/{n}/x/{stem}").expect("a pattern").expect("with captures");
        assert_eq!(parsed.fill(&value), ("<dir>/{n}/x/<stem>".to_owned(), "<dir>".to_owned()));
        let parsed = Pattern::parse("{n}.x").expect("a pattern").expect("with captures");
        assert_eq!(parsed.fill(&value), ("{n}.x".to_owned(), String::new()));
        for pattern in ["**/{a}", "{a}?", "{a}/{b,c}"] {
            assert!(!Pattern::parse(pattern).expect("a pattern").expect("with captures").is_plain(), "{pattern}");
        }
    }

    #[test]
    fn templates_are_filled_with_what_is_known() {
        let known = ["dir", "stem"].into();
        let filled = |text: &str| {
            let captures = [("dir".into(), "a/b".to_owned()), ("stem".into(), "x".to_owned())];
            Template::parse(text, &known).map(|it| it.fill(&captures))
        };
        assert_eq!(filled("{dir}/{stem}.txt").as_deref(), Ok("a/b/x.txt"));
        assert_eq!(filled("plain").as_deref(), Ok("plain"));
        for bad in ["", "{n}", "{", "}", "a}{dir}", "{dir}}", "{{dir}}"] {
            assert!(filled(bad).is_err(), "{bad}");
        }
        assert_eq!(
            filled("{n}").expect_err("it is unknown"),
            "there is no capture `{n}`; the pattern has `{dir}`, `{stem}`"
        );
    }
}
