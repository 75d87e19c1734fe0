// SPDX-License-Identifier: GPL-2.0

//! Processes: fork, wait, signals, names.

use nix::sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet};
use rustix::{
    process::{self as rx, Signal, WaitIdOptions, WaitOptions},
    thread::CpuSet,
};

use crate::prelude::*;

pub type Pid = libc::pid_t;

/// Forks; the child runs `child` and never returns from here.
///
/// Only for programs that have one thread at that moment.
pub fn fork(child: impl FnOnce()) -> io::Result<Pid> {
    // SAFETY: with one thread, no lock can be held by another across fork.
    match check(unsafe { libc::fork() })? {
        0 => {
            child();
            exit_now()
        }
        pid => Ok(pid),
    }
}

/// As [`fork`]; the kernel kills the child when this thread ends.
pub fn fork_tied(child: impl FnOnce()) -> io::Result<Pid> {
    let parent = id();
    fork(|| {
        tie_to(parent);
        child();
    })
}

/// As [`fork_tied`], for a child that ends with an error when `run` does, and says so.
pub fn fork_role(name: &str, run: impl FnOnce() -> io::Result<()>) -> io::Result<Pid> {
    fork_tied(|| {
        if let Err(error) = run() {
            eprintln!("wrong: the {name} failed: {error}");
        }
    })
}

/// As [`fork_role`], for a child that prepares something and then rests; returns when it does.
pub fn fork_resting<T>(prepare: impl FnOnce() -> io::Result<T>) -> io::Result<Pid> {
    let (mut told, mut tell) = super::pipe()?;
    let pid = fork_role("child", || {
        prepare()?;
        tell.write_all(b".")?;
        sleep_for_ever()
    })?;
    drop(tell);
    told.read_exact(&mut [0])?;
    Ok(pid)
}

/// Has the kernel kill this process when its parent, of that number, ends; if it ended before
/// the kernel was told, ends at once.
pub fn tie_to(parent: u32) {
    die_with_parent();
    if std::os::unix::process::parent_id() != parent {
        exit_now();
    }
}

/// Forks like vfork: this process is in state `D` until the child ends. The child has a copy of
/// the memory, so it may run `child` freely.
pub fn fork_and_block(child: impl FnOnce()) -> io::Result<()> {
    let flags = libc::c_long::from(libc::CLONE_VFORK | libc::SIGCHLD);
    // SAFETY: without CLONE_VM and with no new stack, clone is fork.
    match check(unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } as libc::c_int)? {
        0 => {
            child();
            exit_now()
        }
        _ => Ok(()),
    }
}

/// Starts a process that shares this one's memory and only sleeps: a tenth of the cost of a
/// fork, in time and in memory.
pub fn start_sharing_memory() -> io::Result<Pid> {
    extern "C" fn child(_: *mut libc::c_void) -> libc::c_int {
        die_with_parent();
        sleep_for_ever()
    }
    // Given back when all have ended, with the memory that they share.
    let top = Area::anonymous(2 * PAGE)?.end() as *mut libc::c_void;
    let flags = libc::CLONE_VM | libc::SIGCHLD;
    // SAFETY: the child has a stack of its own, makes only system calls, and never returns.
    check(unsafe { libc::clone(child, top, flags, std::ptr::null_mut()) })
}

pub fn exit_now() -> ! {
    // SAFETY: the call does not return.
    unsafe { libc::_exit(0) }
}

/// Ends this thread only, the leader of its process: the others live on.
pub fn exit_thread() -> ! {
    loop {
        // SAFETY: ends the thread without unwinding; nothing of its stack is borrowed by other
        // threads.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

pub fn sleep_for_ever() -> ! {
    loop {
        nix::unistd::pause();
    }
}

/// Has the kernel kill this process when its parent ends, if it lives still: a child that may
/// be orphaned at any moment is started by [`fork_tied`].
///
/// A change of user clears it: call it after that.
pub fn die_with_parent() {
    let _ = rx::set_parent_process_death_signal(Some(Signal::KILL));
}

pub fn set_name(name: &CStr) {
    let _ = rustix::thread::set_name(name);
}

/// Has this process run before all whose number is lower; 0 is everybody's.
pub fn run_first(number: i32) -> io::Result<()> {
    let policy = if number == 0 {
        libc::SCHED_OTHER
    } else {
        libc::SCHED_FIFO
    };
    // SAFETY: an all-zero structure is a valid value.
    let mut param: libc::sched_param = unsafe { std::mem::zeroed() };
    param.sched_priority = number;
    // SAFETY: the structure is only read.
    check(unsafe { libc::sched_setscheduler(0, policy, &param) }).map(drop)
}

pub fn run_on(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

/// Sends a signal; that the process ended already does not matter.
pub fn signal(pid: Pid, signal: Signal) {
    let _ = rx::Pid::from_raw(pid).map(|pid| rx::kill_process(pid, signal));
}

pub fn kill(pid: Pid) {
    signal(pid, Signal::KILL);
}

fn wait(pid: Pid, options: WaitOptions) -> Option<rx::WaitStatus> {
    let ended = rx::waitpid(rx::Pid::from_raw(pid), options).ok()??;
    Some(ended.1)
}

pub fn reap(pid: Pid) {
    wait(pid, WaitOptions::empty());
}

pub fn end(pids: &[Pid]) {
    pids.iter().for_each(|pid| kill(*pid));
    pids.iter().for_each(|pid| reap(*pid));
}

/// Waits until a child has ended, removes it, and says whether it was killed.
pub fn reap_killed(pid: Pid) -> bool {
    let status = wait(pid, WaitOptions::empty());
    status.is_some_and(|status| status.terminating_signal() == Some(libc::SIGKILL))
}

/// Removes a child that has ended; says whether it had.
pub fn try_reap(pid: Pid) -> bool {
    wait(pid, WaitOptions::NOHANG).is_some()
}

/// Waits until a child has ended or stopped, and leaves it so.
pub fn wait_and_leave(pid: Pid, stopped: bool) -> io::Result<()> {
    let what = [WaitIdOptions::EXITED, WaitIdOptions::STOPPED][usize::from(stopped)];
    let pid = rx::Pid::from_raw(pid).ok_or_else(|| error!("no process"))?;
    rx::waitid(rx::WaitId::Pid(pid), what | WaitIdOptions::NOWAIT)?;
    Ok(())
}

/// Has a signal do nothing but end what this process waits for.
pub fn survive(signal: nix::sys::signal::Signal) -> io::Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    // Without SA_RESTART.
    let handler = SigHandler::Handler(nothing);
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing at all.
    unsafe { sigaction(signal, &action)? };
    Ok(())
}

/// Has a signal come ten times a second that is handled by doing nothing, and ends what this
/// process waits for.
pub fn signal_often() -> io::Result<()> {
    survive(nix::sys::signal::Signal::SIGALRM)?;
    // struct itimerval: the interval and the first time, in seconds and microseconds.
    let timer: [libc::time_t; 4] = [0, 100_000, 0, 100_000];
    // SAFETY: the structure is only read.
    let set = unsafe { libc::syscall(libc::SYS_setitimer, libc::ITIMER_REAL, &timer, 0) };
    check(set as libc::c_int).map(drop)
}

pub fn ignore_signals() {
    for signal in [libc::SIGPIPE, libc::SIGIO, libc::SIGXFSZ] {
        // SAFETY: no handler is set.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}

pub fn interleave() -> io::Result<()> {
    // MPOL_INTERLEAVE | MPOL_F_STATIC_NODES, include/uapi/linux/mempolicy.h: of all nodes those
    // that there are. A kernel that can have fewer refuses a bit above, and arm64's has 16.
    let (mode, nodes) = (3 | (1 << 15), 0xffff_u64);
    // SAFETY: The kernel reads one bit less of `nodes`.
    let result = unsafe { libc::syscall(libc::SYS_set_mempolicy, mode, &raw const nodes, 17_u64) };
    check(result as libc::c_int).map(drop)
}

/// Gives memory a protection key of its own, by which nothing is forbidden.
pub fn protect_by_key(area: Area) -> io::Result<()> {
    // SAFETY: The call reads no memory.
    let key = unsafe { libc::syscall(libc::SYS_pkey_alloc, 0, 0) };
    check(key as libc::c_int)?;
    let (start, len, protect) = (area.start, area.len, libc::SYS_pkey_mprotect);
    // SAFETY: No Rust object lives in an `Area`.
    check(unsafe { libc::syscall(protect, start, len, READ_WRITE, key) } as libc::c_int).map(drop)
}
