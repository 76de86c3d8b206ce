//! The flow of a build. Read this first.
//!
//! ```text
//! files -scan-> tree -digests-> buckets -queries-> recipes -traces or processors-> records -queries-> plan
//!                                                                       snapshot <- plan, snapshot -emit-> pack
//! ```

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::build::artifacts::{Moved, Workshop};
use crate::build::configure::{configure, registry_files};
use crate::build::identify::{commit, identify, refuse_if_locked};
use crate::build::inspect::{Inspection, inspect};
use crate::build::judge::judge;
use crate::build::publish::{self, Output, Publication};
use crate::build::session::Session;
use crate::build::{Options, Report};
use crate::error::{Error, Result};
use crate::lane;
use crate::query::{Change, State};
use crate::snapshot::{Snapshot, Snapshots};
use crate::workspace::layout::Workspace;
use crate::workspace::scan::{self, scan};

/// How often a build begins again because the workspace moved under it.
const ATTEMPTS: usize = 5;

/// Builds one workspace, any number of times.
pub struct Engine {
    ws: Workspace,
    state: Mutex<State>,
    snapshots: Snapshots,
}

impl Engine {
    /// Returns an engine for a workspace. Nothing is touched yet.
    pub fn new(ws: Workspace) -> Self {
        Self { ws, state: Mutex::default(), snapshots: Snapshots::default() }
    }

    /// Returns the newest snapshot; `None` before the first build that had something to do.
    pub fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.snapshots.newest()
    }

    /// Ends without visiting every memo: for a process that ends here anyway.
    pub fn forget(self) {
        std::mem::forget(self.state);
    }

    /// Brings a pack up to date with its workspace.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the workspace has errors: all that could be found, and nothing was published. Others
    /// when the world refuses.
    pub fn build(&self, options: &Options) -> Result<Report> {
        let roots: Vec<_> = configure(&self.ws, options)?.roots.iter().map(|it| self.ws.abs(it)).collect();
        let output = publish::hold(&self.ws, options, &roots)?;
        attempt(|| self.pass(options, Some(&output)))
    }

    /// Does all that a build does short of registering and writing.
    ///
    /// # Errors
    ///
    /// As [`Engine::build`].
    pub fn check(&self, options: &Options) -> Result<Report> {
        attempt(|| self.pass(options, None))
    }

    /// Looks at what there is, without making, registering or writing anything.
    ///
    /// # Errors
    ///
    /// As [`Engine::build`], except that problems of assets are part of what is returned.
    pub fn inspect(&self, options: &Options) -> Result<Inspection> {
        let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
        attempt(|| inspect(&self.ws, &mut state, options))
    }

    /// One pass from the files to the pack. Without an output nothing is registered or written.
    fn pass(&self, options: &Options, output: Option<&Output>) -> std::result::Result<Report, Moved> {
        let ws = &self.ws;
        lane::open(&*ws.disk, &ws.root, "packwright build", std::process::id())?;
        let setup = configure(ws, options)?;
        let session = Session::open(ws, options);
        let mut registry_files = registry_files(ws, &session.index, options)?;
        let rehash = scan::Options { rehash: options.rehash };
        let scan = scan(ws, &setup.roots, session.known_tree(&setup), &session.sources, rehash)?;

        // That there is nothing to do is proved from files.
        if let Some(output) = output
            && let Some(report) = session.up_to_date(&setup, &scan, &registry_files, output)
        {
            return Ok(report);
        }

        // From sources to validated assets, each with its identity.
        let (registry, registry_warnings) = registry_files.load(ws)?;
        let workshop = Workshop { session: &session, tree: &scan.tree, roots: &setup.roots };
        let mut state = self.state.lock().unwrap_or_else(|poisoned| fresh(poisoned));
        session.start_log(&state);
        let (config, texts) = (setup.config.clone(), workshop.texts()?);
        Change { tree: &scan.tree, texts, config, registry: registry.clone() }.apply(&mut state);
        let proposal = identify(&state, &scan.tree, &setup.config, &registry);
        state.set_registry(proposal.registry.clone());

        // From recipes to records, and to a plan: or to all that is wrong.
        let slots = state.slots(&setup.profile, &options.pack);
        workshop.make(&mut state, &slots)?;
        let general = session.general(&setup, &scan.tree, registry_warnings, &proposal);
        let verdict = judge(&state, &slots, &setup.profile, general);
        session.store.commit();
        if verdict.has_errors() || output.is_none() {
            session.remember_scan(&setup, &scan, &registry_files);
        }
        if verdict.has_errors() {
            return Err(Error::Invalid(verdict.diagnostics).into());
        }
        let Some(output) = output else {
            refuse_if_locked(options, &proposal)?;
            return Ok(session.checked(&scan, &state, verdict, &proposal));
        };

        // The plan is valid: identities are committed, and the pack follows.
        let registry_digest = commit(ws, options, &registry, &proposal, &registry_files)?;
        let source_root =
            publish::source_root(&setup.config, &setup.profile, &options.pack, registry_digest, &scan.tree);
        let snapshot = session.snapshot(&setup, &scan, &state, source_root, &proposal.registry, verdict);
        let snapshot = self.snapshots.publish(snapshot);
        let payloads = workshop.payloads(&state, &slots);
        let publication = Publication::of(&snapshot, &options.pack);
        let published = publish::publish(ws, &output.dir, &publication, &payloads, session.outputs(output).as_ref())?;
        session.store.commit();
        session.remember(&setup, &scan, &registry_files, output, &published);
        let report = session.built(&scan, &state, &snapshot, output, &published, &proposal);
        Ok(report)
    }
}

/// Starts over after a panic: what it left in the database is anybody's guess.
fn fresh(poisoned: PoisonError<MutexGuard<'_, State>>) -> MutexGuard<'_, State> {
    let mut state = poisoned.into_inner();
    *state = State::default();
    state
}

/// Begins again while the workspace moves, a bounded number of times.
fn attempt<T>(mut pass: impl FnMut() -> std::result::Result<T, Moved>) -> Result<T> {
    for _ in 1..ATTEMPTS {
        match pass() {
            Err(Moved::Torn(_)) => {}
            Err(Moved::Failed(error)) => return Err(error),
            Ok(report) => return Ok(report),
        }
    }
    pass().map_err(Moved::into_error)
}
