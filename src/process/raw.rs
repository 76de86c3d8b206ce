//! `raw`: inputs as they are.
//!
//! Knows nothing of what the bytes mean and never reads them; the artifact names the inputs by digest.

use crate::model::Code;

use super::contract::{Artifact, Context, Finding, Input, Outcome, Payload, Processor, Unavailable};

/// Passes its inputs through.
///
/// The first input is the main payload (role ""). Further ones have their path, relative to the asset's
/// directory, as role; an input that is declared twice is given once.
#[derive(Debug, Default)]
pub struct Raw;

/// `raw` has no settings.
#[derive(
    Clone, PartialEq, Eq, Debug, Default, bincode::Encode, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

impl Processor for Raw {
    type Settings = Settings;

    const KIND: &'static str = "raw";
    const VERSION: u32 = 1;
    const CODECS: &'static [&'static str] = &[];

    fn run(&self, cx: &mut dyn Context, _settings: &Settings) -> Result<Outcome, Unavailable> {
        let Some((main, others)) = cx.inputs().split_first() else {
            return Ok(Outcome::Refused(vec![Finding::error(Code::NO_INPUTS, "", "a `raw` asset needs an input")]));
        };
        let mut artifact = Artifact::of(Payload::Input(main.clone()));
        let mut seen: Vec<&Input> = vec![main];
        for input in others {
            if seen.iter().all(|it| it.path != input.path) {
                artifact.payloads.push((input.path.clone(), Payload::Input(input.clone())));
                seen.push(input);
            }
        }
        Ok(Outcome::Made(vec![artifact], Vec::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::fake::{self, FakeContext};

    fn describe(inputs: &[(&str, &[u8])]) -> String {
        let mut cx = FakeContext::default();
        for (path, bytes) in inputs {
            cx.input(path, bytes);
        }
        let outcome = Raw.run(&mut cx, &Settings::default()).expect("nothing is unavailable");
        assert!(cx.asked.is_empty(), "raw reads nothing: {:?}", cx.asked);
        fake::describe(&outcome)
    }

    #[test]
    fn one_input_is_the_main_payload() {
        expect_test::expect![[r#"
            made part ""
              payload "": input a.bin, 3 bytes
        "#]]
        .assert_eq(&describe(&[("a.bin", b"abc")]));
    }

    #[test]
    fn several_inputs_have_their_paths_as_roles() {
        expect_test::expect![[r#"
            made part ""
              payload "": input a.bin, 3 bytes
              payload "../b.bin": input ../b.bin, 0 bytes
              payload "c.bin": input c.bin, 1 bytes
        "#]]
        .assert_eq(&describe(&[("a.bin", b"abc"), ("../b.bin", b""), ("a.bin", b"abc"), ("c.bin", b"c")]));
    }

    /// When this fails and the new bytes are meant, raise `Raw::VERSION` with the expectation.
    #[test]
    fn golden() {
        let mut cx = FakeContext::with_input("a.bin", b"abc");
        cx.input("b.bin", b"defg");
        let outcome = Raw.run(&mut cx, &Settings::default()).expect("nothing is unavailable");
        let text = format!("raw {} {:?} {:?}\n", Raw::VERSION, Raw::CODECS, fake::outcome_digest(&outcome));
        expect_test::expect![[r#"
            raw 1 [] b320d14ae9fd
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn no_input_is_refused() {
        expect_test::expect![[r#"
            refused
              error PW0022: a `raw` asset needs an input
        "#]]
        .assert_eq(&describe(&[]));
    }
}
