// SPDX-License-Identifier: GPL-2.0

//! Processes: fork, wait, signals, names.

use std::ffi::CStr;

use crate::prelude::*;

/// A process number.
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
    let parent = std::process::id();
    fork(|| {
        tie_to(parent);
        child();
    })
}

/// Has the kernel kill this process when its parent, of that number, ends; if it
/// ended before the kernel was told, ends at once.
pub fn tie_to(parent: u32) {
    die_with_parent();
    if std::os::unix::process::parent_id() != parent {
        exit_now();
    }
}

/// Forks like vfork: this process is in state `D` until the child ends. The
/// child has a copy of the memory, so it may run `child` freely.
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

/// Starts a process that shares this one's memory and only sleeps: a tenth of
/// the cost of a fork, in time and in memory.
pub fn start_sharing_memory() -> io::Result<Pid> {
    extern "C" fn child(_: *mut libc::c_void) -> libc::c_int {
        die_with_parent();
        sleep_for_ever()
    }
    // Given back when all have ended, with the memory that they share.
    let stack = Area::anonymous(2 * PAGE)?;
    let top = (stack.start + stack.len) as *mut libc::c_void;
    // SAFETY: the child has a stack of its own, makes only system calls, and
    // never returns.
    check(unsafe {
        let flags = libc::CLONE_VM | libc::SIGCHLD;
        libc::clone(child, top, flags, std::ptr::null_mut())
    })
}

/// Ends this process without running any handler.
pub fn exit_now() -> ! {
    // SAFETY: the call does not return.
    unsafe { libc::_exit(0) }
}

/// Ends this thread only, the leader of its process: the others live on.
pub fn exit_thread() -> ! {
    loop {
        // SAFETY: ends the thread without unwinding; nothing of its stack
        // is borrowed by other threads.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}

/// Sleeps for ever; a signal may end the process.
pub fn sleep_for_ever() -> ! {
    loop {
        // SAFETY: the call only waits.
        unsafe { libc::pause() };
    }
}

/// Stops this process, as Ctrl-Z does.
pub fn stop_self() {
    // SAFETY: sends a signal to this process.
    unsafe { libc::raise(libc::SIGSTOP) };
}

/// Has the kernel kill this process when its parent ends, if it lives still:
/// a child that may be orphaned at any moment is started by [`fork_tied`].
///
/// A change of user clears it: call it after that.
pub fn die_with_parent() {
    // SAFETY: the option takes only a number.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Sets the name of this thread.
pub fn set_name(name: &CStr) {
    // SAFETY: the name is a C string; the kernel takes at most 15 bytes.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Sets the real and the effective user to different numbers.
pub fn set_users(real: u32, effective: u32) -> io::Result<()> {
    // SAFETY: the call takes only numbers.
    check(unsafe { libc::setresuid(real, effective, effective) }).map(drop)
}

/// Kills a process; that it ended already does not matter.
pub fn kill(pid: Pid) {
    // SAFETY: the call takes only numbers.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// Waits until a child has ended, and removes it.
pub fn reap(pid: Pid) {
    // SAFETY: a null status is allowed.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), 0) };
}

/// Waits until a child has ended, removes it, and says whether it was killed.
pub fn reap_killed(pid: Pid) -> bool {
    let mut status = 0;
    // SAFETY: `status` is valid for the write.
    let ended = unsafe { libc::waitpid(pid, &mut status, 0) == pid };
    ended && libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGKILL
}

/// Removes a child that has ended; says whether it had.
pub fn try_reap(pid: Pid) -> bool {
    // SAFETY: a null status is allowed.
    unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::WNOHANG) == pid }
}

/// Waits until a child has ended or stopped, and leaves it so.
pub fn wait_and_leave(pid: Pid, stopped: bool) -> io::Result<()> {
    let what = if stopped {
        libc::WSTOPPED
    } else {
        libc::WEXITED
    };
    // SAFETY: an all-zero siginfo_t is a valid value.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    // SAFETY: `info` is valid for the write.
    check(unsafe { libc::waitid(libc::P_PID, pid as _, &mut info, what | libc::WNOWAIT) }).map(drop)
}

/// The number of this thread.
pub fn thread_id() -> Pid {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::gettid() }
}

/// Lets this process live through SIGBUS, which memory failure sends.
pub fn survive_sigbus() {
    extern "C" fn nothing(_: libc::c_int) {}
    let handler = nothing as extern "C" fn(libc::c_int);
    // SAFETY: the handler does nothing at all.
    unsafe { libc::signal(libc::SIGBUS, handler as libc::sighandler_t) };
}

/// Lets this process live through signals that its calls may cause.
pub fn ignore_signals() {
    for signal in [libc::SIGPIPE, libc::SIGIO, libc::SIGXFSZ] {
        // SAFETY: no handler is set.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
}
