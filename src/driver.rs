//! The flow of a build. Read this first.
//!
//! ```text
//! files -scan-> tree -digests-> buckets -queries-> recipes -traces or processors-> records -queries-> plan
//!                                                                       snapshot <- plan, snapshot -emit-> pack
//! ```

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::build::artifacts::Moved;
use crate::build::configure::{Seen, configure};
use crate::build::examine::{Examination, examine};
use crate::build::explain::{Explanation, explain};
use crate::build::identify::{LANE_WAIT, commit, identify, refuse_if_locked};
use crate::build::inspect::{Asset, Inspection, inspect};
use crate::build::judge::judge;
use crate::build::memo::{Ledger, Rest};
use crate::build::pass::{Derived, Pass};
use crate::build::publish::{self, Output, Wanted};
use crate::build::session::Session;
use crate::build::survey::{Survey, survey};
use crate::build::view::View;
use crate::build::{Options, Report};
use crate::error::{Error, Result};
use crate::lane::{self, Lane};
use crate::query::names::{LazyNames, exports};
use crate::query::{Identities, State};
use crate::snapshot::{Snapshot, Snapshots};
use crate::workspace::layout::{REGISTRY_DIR, Workspace};
use crate::write;

/// How often a build begins again because the workspace moved under it.
const ATTEMPTS: usize = 8;
/// How often whoever only looks does where it was a commit that moved it: others may commit all the time.
const LOOKS: usize = 32;
/// How long a build waits before that for whoever holds the lane, at most.
const LANE_PATIENCE: Duration = Duration::from_secs(1);
/// The same for whoever only looks.
const LOOK_PATIENCE: Duration = Duration::from_millis(100);

/// Builds one workspace, any number of times.
pub struct Engine {
    ws: Workspace,
    state: Arc<Mutex<State>>,
    snapshots: Arc<Snapshots>,
}

impl Engine {
    /// Returns an engine for a workspace. Nothing is touched yet.
    pub fn new(ws: Workspace) -> Self {
        Self { ws, state: Arc::default(), snapshots: Arc::default() }
    }

    /// Returns this engine as it works with other means on the same workspace: threads, whom to tell, when to stop.
    pub fn with(&self, ws: Workspace) -> Self {
        Self { ws, state: self.state.clone(), snapshots: self.snapshots.clone() }
    }

    /// Returns the newest snapshot; `None` before the first build that derived the whole workspace. A build that proves
    /// that nothing is to do, or that takes the short way in a cold process, publishes none, unless asked for
    /// the [whole](Options::whole).
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshots.newest()
    }

    /// Ends without visiting every memo and every entry: for a process that ends here anyway.
    pub fn forget(self) {
        std::mem::forget((self.state, self.snapshots));
    }

    /// Brings a pack up to date with its workspace.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the workspace has errors: all that could be found, and nothing was published. Others
    /// when the world refuses.
    pub fn build(&self, options: &Options) -> Result<Report> {
        let setup = configure(&Seen::of(&self.ws, options)?)?;
        let roots: Vec<_> = setup.roots.iter().map(|it| self.ws.abs(it)).collect();
        let output = publish::hold(&self.ws, options, &roots)?;
        // Whoever else builds and registers is waited for before it begins again.
        let wait = || lane::wait_until_free(&*self.ws.disk, &self.ws.root, LANE_PATIENCE);
        attempt(options, |_| ATTEMPTS, wait, |options| self.pass(options, Some(&output)))
    }

    /// Does all that a build does short of registering and writing.
    ///
    /// # Errors
    ///
    /// As [`Engine::build`].
    pub fn check(&self, options: &Options) -> Result<Report> {
        self.look(options, |options| self.pass(options, None))
    }

    /// Looks at what there is, without making, registering or writing anything.
    ///
    /// # Errors
    ///
    /// As [`Engine::build`], except that problems of assets are part of what is returned.
    pub fn inspect(&self, options: &Options) -> Result<Inspection> {
        self.look(options, |options| {
            let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
            inspect(&self.ws, &mut state, options)
        })
    }

    /// Looks at every asset whole. Processors of what is not up to date run; nothing is registered or published.
    ///
    /// # Errors
    ///
    /// As [`Engine::inspect`].
    pub fn survey(&self, options: &Options) -> Result<Survey> {
        self.look(options, |options| {
            let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
            survey(&self.ws, &mut state, options)
        })
    }

    /// Looks at why an asset was made again, or would be, without making anything. `choose` says which of all it is.
    ///
    /// # Errors
    ///
    /// As [`Engine::inspect`], and those of `choose`.
    pub fn explain(&self, options: &Options, choose: &dyn Fn(&[Asset]) -> Result<usize>) -> Result<Explanation> {
        self.look(options, |options| {
            let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
            explain(&self.ws, &mut state, options, choose)
        })
    }

    /// Looks for what is wrong with identities and for what is left of accidents, without changing anything.
    ///
    /// # Errors
    ///
    /// As [`Engine::inspect`]; what is wrong with the registry is part of what is returned.
    pub fn examine(&self, options: &Options) -> Result<Examination> {
        self.look(options, |options| {
            let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
            examine(&self.ws, &mut state, options)
        })
    }

    /// Plans a write command without making, registering or writing anything; see [`write::plan`].
    ///
    /// # Errors
    ///
    /// As [`write::plan`].
    pub fn plan(
        &self,
        options: &Options,
        depth: write::Depth,
        decide: &dyn Fn(&View) -> Result<write::Decision>,
    ) -> Result<write::Plan> {
        self.look(options, |options| {
            let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
            write::plan(&self.ws, &mut state, options, depth, decide)
        })
    }

    /// Looks at the workspace, again where others commit meanwhile: never at half of a commit.
    fn look<T>(&self, options: &Options, pass: impl Fn(&Options) -> std::result::Result<T, Moved>) -> Result<T> {
        let wait = || lane::wait_until_free(&*self.ws.disk, &self.ws.root, LOOK_PATIENCE);
        let registry = self.ws.root.join(REGISTRY_DIR);
        attempt(options, |moved| if moved == registry { LOOKS } else { ATTEMPTS }, wait, pass)
    }

    /// One pass from the files to the pack. Without an output nothing is registered or written.
    fn pass(&self, options: &Options, output: Option<&Output>) -> std::result::Result<Report, Moved> {
        let ws = &self.ws;
        let _pass = ws.phase("build");
        lane::open(&*ws.disk, &ws.root, "packwright build", std::process::id())?;
        let mut seen = Seen::of(ws, options)?;
        if output.is_some() && !seen.is_quiet() {
            wait_for_commit(ws, options)?;
            seen = Seen::of(ws, options)?;
            if !seen.is_quiet() {
                return Err(Error::Torn { path: ws.root.clone() }.into());
            }
        }
        let (ws, options) = (&seen.ws, &seen.options);
        let setup = configure(&seen)?;
        let session = Session::open(ws, options, output.map(|it| it.root_file(&options.pack)));
        let (pass, mut registry_files) = Pass::open(session, setup)?;

        // That there is nothing to do is proved from files; that little is to do, from memos.
        let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
        if let Some(output) = output.filter(|_| !options.whole) {
            if let Some(report) = pass.up_to_date(&registry_files, output) {
                return Ok(report);
            }
            if state.is_cold()
                && options.shortcuts
                && let Some(report) = pass.short_way(&registry_files, output)?
            {
                return Ok(report);
            }
        }

        // From sources to validated assets, each with its identity.
        pass.load_tree()?;
        let (registry, registry_warnings) = registry_files.load(ws)?;
        let is_quiet = registry_warnings.is_empty();
        let workshop = pass.workshop();
        pass.session.start_log(&state);
        pass.change(workshop.all_texts()?, &registry).apply(&mut state);
        let proposal = identify(ws, &state, &pass.scan.tree, &pass.setup.config, &registry);
        pass.note_missing(&proposal.missing);
        state.set_identities(Identities::Registry(proposal.registry.clone()));
        state.prefetch(ws, "names", &state.buckets(), |db, it| {
            exports(db, it);
        });

        // From recipes to records, and to a plan: or to all that is wrong.
        let slots = state.slots(&pass.setup.profile, &options.pack);
        workshop.make(&mut state, &slots)?;
        let mut general = pass.general(registry_warnings, &proposal);
        // What was made is stored whatever the verdict, and meanwhile.
        let (state, store) = (&*state, &pass.session.store);
        let finish = || {
            let mut verdict = judge(ws, state, &slots, &pass.setup.profile, general.clone());
            let (Some(output), false) = (output, verdict.has_errors()) else {
                pass.remember_scan(&registry_files);
                registry_files.check_unmoved(ws)?;
                if verdict.has_errors() {
                    return Err(Error::Invalid(verdict.diagnostics).into());
                }
                refuse_if_locked(options, &proposal)?;
                return Ok(pass.checked(state, verdict, &proposal));
            };

            // The plan is valid: identities are committed, and the pack follows.
            let registry_digest = commit(ws, options, &registry, &proposal, &registry_files)?;
            [&mut general, &mut verdict.diagnostics].into_iter().for_each(|it| proposal.forget_tidied(it));
            let snapshot = pass.snapshot(state, output, registry_digest, &proposal.registry, verdict);
            let names = LazyNames::new(&state.db);
            let payloads = workshop.payloads(state, &names, &slots);
            pass.session.sources.spend();
            let wanted = Wanted::Plan(&snapshot.plan);
            let published = pass.publish(output, wanted, &snapshot.diagnostics, registry_digest, &payloads)?;
            let touched: Vec<usize> = (0..slots.len()).collect();
            let (rest, ledger) = (Rest::Nothing(&general), Ledger::of(&proposal, is_quiet));
            let derived = Derived { state, slots: &slots, touched: &touched, rest, ledger };
            pass.remember(&registry_files, registry_digest, output, &published, &snapshot.diagnostics, derived);
            let report = pass.built(state, wanted, &snapshot.diagnostics, output, &published, &proposal.changes);
            // Only now is everything that it speaks of in the pack.
            self.snapshots.publish(snapshot);
            Ok(report)
        };
        let store_all = || {
            store.commit();
            pass.remember_large_scan(&registry_files);
        };
        ws.meanwhile(store_all, finish)
    }
}

/// Starts over after a panic: what it left in the database is anybody's guess.
fn fresh(poisoned: PoisonError<MutexGuard<'_, State>>) -> MutexGuard<'_, State> {
    let mut state = poisoned.into_inner();
    *state = State::default();
    state
}

/// Waits until a commit that somebody else is applying is in place: what is published is of files that are there.
fn wait_for_commit(ws: &Workspace, options: &Options) -> Result<()> {
    let patience = options.wait.unwrap_or(LANE_WAIT);
    if lane::quiet_moment(&*ws.disk, &ws.root, patience)?.is_quiet() {
        return Ok(());
    }
    // Who takes the lane finishes what a dead process left, or says why that cannot be done.
    Lane::acquire(&*ws.disk, &ws.root, "packwright", std::process::id(), Duration::ZERO).map(drop)
}

/// Begins again while the workspace moves, a bounded number of times and after `between`: without shortcuts, which may
/// have been why, and at last without fingerprints, one of which may have stood although its file did not.
fn attempt<T>(
    options: &Options,
    most: impl Fn(&Path) -> usize,
    between: impl Fn(),
    pass: impl Fn(&Options) -> std::result::Result<T, Moved>,
) -> Result<T> {
    let mut careful = Options { shortcuts: false, ..options.clone() };
    let mut attempt = pass(options);
    for nth in 1.. {
        let Err(Moved::Torn(path)) = &attempt else { break };
        let most = most(path);
        if nth >= most {
            break;
        }
        between();
        careful.rehash |= nth + 1 == most;
        attempt = pass(&careful);
    }
    attempt.map_err(Moved::into_error)
}
