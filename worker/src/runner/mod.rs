//! The runner: takes runs off the job table and has each trained by a child process.
//!
//! It trains nothing itself, so a crash, a hang or a device fault in training cannot stop the heartbeat. Everything
//! it writes goes through its [`board::Board`] and names its lease; when the lease is gone it drops the run.
//! Each run of several at once is a task of its own, with a lease and a trainer of its own; the tasks share the
//! connections to the board and nothing else.
//! One thread: the kernel ties a trainer's life to the thread that started it.

mod board;
mod child;
mod files;
mod health;
mod heart;
mod outbox;
mod shelf;
mod slots;
mod stop;
mod store;
mod trainer_end;
mod work;

use crate::cli::{self, TOKEN, WorkArgs};
use board::{Board, Error, Misfit, Rest};
use breakmywork_protocol::jobs::Trouble;
use breakmywork_protocol::{checkpoint_files, db};
use breakmywork_training::train::VERSION;
use breakmywork_training::{exit, rights};
use health::Health;
use shelf::Shelf;
use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::LocalSet;
use uuid::Uuid;

/// Longest pause between two tries to reach a board that is away.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A runner that is to do one thing and end does not wait longer than this for its board.
const PATIENCE: Duration = Duration::from_secs(30);
/// Time that signing off may take.
const FAREWELL: Duration = Duration::from_secs(5);
/// Time between two looks for what the board should be told of this machine.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// Time between two searches for checkpoints that nobody needs any more.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Time for which an answer holds that program and database fit.
const FITS_FOR: Duration = Duration::from_secs(5);

/// Works until it is stopped, or as long as the arguments say; gives the exit code.
pub fn run(args: WorkArgs) -> u8 {
    rights::keep_secrets();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = runtime.and_then(|runtime| {
        let result = LocalSet::new().block_on(&runtime, serve(args));
        // Else a look into a data folder on a dead network would be waited for.
        runtime.shutdown_background();
        result
    });
    result.unwrap_or_else(|error| {
        tracing::error!("the worker cannot go on: {error}");
        exit::RETRYABLE
    })
}

/// What the parts of a runner share.
pub(crate) struct Runner {
    args: WorkArgs,
    board: Board,
    id: Uuid,
    /// How often somebody asked for the end.
    stop: watch::Receiver<u32>,
    health: RefCell<Health>,
    /// When the board last answered.
    reached: Cell<Instant>,
    /// When it was last seen to fit this program.
    fitted: Cell<Option<Instant>>,
    /// Whether the board has forgotten what it was told of this worker.
    forgotten: Cell<bool>,
}

/// The board that the arguments name, or why they name none.
fn board(args: &WorkArgs) -> Result<Board, String> {
    if let Some(address) = &args.server {
        let token = args.token.read()?.ok_or_else(|| {
            format!(
                "--server needs a token: name a file with --token-file, or set {TOKEN}; an admin makes one with \
                 `breakmywork token create --user NAME --scope work --scope read`"
            )
        })?;
        let address = cli::server(address)?;
        return Ok(Board::Rest(Rest::new(address, token, args.share())));
    }
    let Some(url) = &args.database_url else {
        return Err(
            "no board: name its address with --server and a token, or its database with DATABASE_URL or \
             --database-url, or train without one: breakmywork-worker train SPEC"
                .into(),
        );
    };
    // A beat for each run and what it reports, so that a slow report never makes a beat wait, and one for what is told
    // of this machine. The question for a run needs none of its own: it is asked while a slot is free.
    let connections = 2 * u32::from(args.slots) + 1;
    db::pool(url, connections).map(Board::Database).map_err(|error| {
        format!("DATABASE_URL or --database-url cannot be used: {error}; write postgres://user:password@host/name")
    })
}

async fn serve(args: WorkArgs) -> io::Result<u8> {
    let board = match board(&args) {
        Ok(board) => board,
        Err(reason) => {
            tracing::error!("{reason}");
            return Ok(exit::FAILED);
        }
    };
    // A worker without its device could train nothing.
    if !child::device_works(&args).await? {
        return Ok(exit::FAILED);
    }
    std::fs::create_dir_all(&args.checkpoint_dir)?;
    let mut shelf = Shelf::new(args.folder.data_sets.clone());
    let runner = Rc::new(Runner {
        board,
        args,
        id: Uuid::new_v4(),
        stop: stop::signals()?,
        health: RefCell::default(),
        reached: Cell::new(Instant::now()),
        fitted: Cell::default(),
        forgotten: Cell::default(),
    });
    // What is taken is given back; what is not yet taken stays: nothing is held while this fails.
    if let Err(code) = runner.register(&mut shelf).await {
        return Ok(code);
    }
    // Beside the work, so that an import shows on the board at once, however long the present run takes.
    let telling = tokio::task::spawn_local(Rc::clone(&runner).keep_telling(shelf));
    let code = Rc::clone(&runner).take_and_work().await;
    telling.abort();
    match tokio::time::timeout(FAREWELL, runner.board.sign_off(runner.id)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "could not sign off"),
        Err(_) => tracing::debug!("could not sign off in time"),
    }
    Ok(code)
}

impl Runner {
    pub(crate) fn stopping(&self) -> bool {
        *self.stop.borrow() > 0
    }

    /// Makes this process and its data sets known, as soon as the board answers and fits.
    ///
    /// # Errors
    /// The exit code, if that is not to be waited for.
    async fn register(&self, shelf: &mut Shelf) -> Result<(), u8> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(500);
        loop {
            match self.fits().await {
                Ok(()) => {}
                Err(misfit) if misfit.for_good => {
                    tracing::error!("{misfit}");
                    return Err(exit::FAILED);
                }
                Err(misfit) => tracing::warn!("{misfit}"),
            }
            if self.fitted.get().is_some() {
                match self.introduce(shelf).await {
                    Ok(()) => {
                        tracing::info!(worker = %self.id, device = self.device(), "ready");
                        return Ok(());
                    }
                    Err(Error::Refused(reason)) => {
                        tracing::error!("the board does not take this worker: {reason}");
                        return Err(exit::FAILED);
                    }
                    Err(error) => {
                        tracing::warn!("the board does not take this worker yet: {error}");
                    }
                }
            }
            let impatient = self.args.once || self.args.idle_exit.is_some();
            if self.stopping() || (impatient && started.elapsed() > PATIENCE) {
                return Err(exit::RETRYABLE);
            }
            self.wait(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn introduce(&self, shelf: &mut Shelf) -> Result<(), Error> {
        self.sign_on().await?;
        shelf.tell(&self.board, self.id).await
    }

    async fn sign_on(&self) -> Result<(), Error> {
        let (host, device, slots) = (hostname(), self.device(), self.args.slots);
        let signed = self.board.register(self.id, &host, &device, slots);
        self.in_time(signed).await
    }

    /// The device, for people.
    fn device(&self) -> String {
        let device = self.args.device.device;
        format!("{device} ({})", device.name())
    }

    /// Whether this program can work for the board, asked now and then: somebody may migrate it meanwhile.
    async fn fits(&self) -> Result<(), Misfit> {
        if self
            .fitted
            .get()
            .is_some_and(|when| when.elapsed() < FITS_FOR)
        {
            return Ok(());
        }
        self.fitted.set(None);
        tokio::time::timeout(self.share(), self.board.fits())
            .await
            .unwrap_or_else(|_| Err(Error::late().into()))?;
        self.fitted.set(Some(Instant::now()));
        Ok(())
    }

    /// Tells the board what is here and what is wrong with it, and removes checkpoints that nobody needs, for as long
    /// as it is polled.
    async fn keep_telling(self: Rc<Self>, mut shelf: Shelf) {
        let mut told = None::<Trouble>;
        let mut swept = None::<Instant>;
        loop {
            if swept.is_none_or(|when| when.elapsed() > SWEEP_EVERY) {
                swept = Some(Instant::now());
                self.sweep().await;
            }
            tokio::time::sleep(TELL_EVERY).await;
            if self.forgotten.take() {
                shelf.forgotten();
                told = None;
            }
            if let Err(error) = shelf.tell(&self.board, self.id).await {
                tracing::debug!("the board does not take what data sets are here: {error}");
            }
            let trouble = self.health.borrow().trouble();
            if trouble != told {
                let report = self.board.report_trouble(self.id, trouble.as_ref());
                match self.in_time(report).await {
                    Ok(()) => told = trouble,
                    Err(error) => {
                        tracing::debug!("the board does not take what is wrong here: {error}");
                    }
                }
            }
        }
    }

    /// Removes checkpoints of runs that have ended: whoever ended them may have been somebody else, or killed.
    async fn sweep(&self) {
        let root = self.args.checkpoint_dir.clone();
        let here = store::aside(move || checkpoint_files::runs(&root)).await;
        let here = here.unwrap_or_default();
        let ended = match self.in_time(self.board.ended(self.id, &here)).await {
            Ok(ended) => ended,
            Err(error) => {
                tracing::debug!("cannot ask which runs have ended: {error}");
                return;
            }
        };
        let root = self.args.checkpoint_dir.clone();
        store::aside(move || {
            ended
                .iter()
                .for_each(|run| checkpoint_files::remove(&root, *run))
        })
        .await;
    }

    /// Gives the board a share of the lease to answer: behind a dead network a report would wait for ever,
    /// and the next one with it. All reports may be sent twice.
    async fn in_time<T>(&self, report: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let answer = tokio::time::timeout(self.share(), report)
            .await
            .map_err(|_| Error::late())
            .flatten();
        // What it refuses it has understood.
        if !matches!(answer, Err(Error::Away(_))) {
            self.reached.set(Instant::now());
        }
        answer
    }

    fn share(&self) -> Duration {
        self.args.share()
    }

    /// Sleeps, but not past a request to stop.
    async fn wait(&self, pause: Duration) {
        let mut stop = self.stop.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.wait_for(|count| *count > 0) => {}
        }
    }
}

fn hostname() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
