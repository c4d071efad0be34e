/*
 * One TLS socket as its program, its peer and the service see it: what each call
 * returns in each state, and which state follows. The rules are those of
 * internal/socket; README.md says how the two are compared, and what is left out.
 *
 * Each operation is one step, with all that follows from it at once. -DFAULT=n is
 * one of the wrong rules that must be found.
 */

#include "words.h"

#ifndef FAULT
#define FAULT 0
#endif
#define RESET_AS_END        (FAULT == 1) /* a cut stream is shown as a clean end */
#define TOLD_TWICE          (FAULT == 2) /* an interrupted connect is told, and so is the next */
#define CLOSED_LISTENS      (FAULT == 3) /* a closed listener goes on accepting */
#define OLDER_IN_PLAIN      (FAULT == 4) /* an upgrade leaves a child its copy of the TCP socket */
#define DEATH_NOT_TOLD      (FAULT == 5) /* the service dies, and who waits in connect goes on waiting */
#define CLOSE_LEAKS         (FAULT == 6) /* closing while connecting leaves the attempt */
#define OLD_ERROR           (FAULT == 7) /* a second attempt that fails gives the error of the first */
#define TOLD_LATE           (FAULT == 8) /* others may call between an outcome and its telling */

/* The socket's state, and what belongs to it. 0 where it does not apply. */
byte state = fresh;
bit untold;         /* no connect has told the outcome yet */
bit error;          /* SO_ERROR has it still */
byte why;           /* what ended the attempt or the connection */
bit renewed;        /* failed: the program has a fresh descriptor */
byte relay;         /* connected: how far the relay is */
bit shut;           /* the program has shut down its sending side */
bit unread;         /* ECONNRESET waits for the program to read it */
bit queued;         /* listening: a client waits to be accepted */
byte waits;         /* the call of the thread that may wait */
bit own = 1;        /* the program's descriptor */
byte other;         /* and a second one: in the same process or in a child */

/* What must hold is said with these, which the socket does not have. */
bit verified;       /* the peer of this attempt is */
bit alive;          /* an attempt, a relay or a listener is under way */
byte truth;         /* how the last attempt ended */
byte told;          /* how often a program has been told of that */
bit late;           /* with TOLD_LATE: who waits is told in a moment */
byte news;          /* and this */
bit given;          /* the program has given up an attempt, by connect with AF_UNSPEC */

#define HELD    (own || other)
#define CALLS   (state != plain && state != gone && own)
#define BLOCKED (waits == WAITING)
#define RELAYS  (state == connected && relay <= HALF)

/* The changes of state that the code's drawing has. */
#define DRAWN(from, to) (from == to || to == gone || \
	(from == plain && to == connecting) || \
	(from == fresh && (to == connecting || to == listening)) || \
	(from == connecting && (to == connected || to == failed || to == fresh)) || \
	(from == connected && to == fresh) || \
	(from == failed && (to == connecting || to == listening)) || \
	(from == listening && to == fresh))

/* The result of a call: an error number, or what follows. */
byte result;
byte answer;       /* what the waiting call was told, NOTHING when none was */
byte was;           /* the state before */

#define ERRNO(w) (w == UNTRUSTED -> EPROTO : (w == DOWN -> ENETDOWN : (w == CANCELLED -> ECONNABORTED : \
	(w == 0 -> OK : ECONNRESET))))

c_decl {
\#include <errno.h>
\#include "words.h"
	extern void remember(void);
	extern void report(const char *);
}

/* STEP is an operation that may happen when a condition holds. */
#define STEP(condition) :: d_step { (condition) -> c_code { remember(); }; result = NOTHING; answer = NOTHING; was = state
#define DONE(name) check(); c_code { report(name); }; }

inline check() {
	assert(DRAWN(was, state));
	/* A connection has a peer that was verified. */
	assert(state != connected || verified);
	/* Nothing is left of a socket that nobody has. */
	if :: !HELD -> assert(state == gone) :: else fi;
	assert(state != gone || !alive);
	/* Who waits waits for something that is under way. */
	assert(!BLOCKED || late || (alive && (state == connecting || state == listening)));
	/* An outcome that is not under way has been told, or will be, and once. */
	assert(told <= 1);
	if
	:: (state == failed || state == connected) && !untold -> assert(told == 1 || error || given)
	:: else
	fi
}

/* The attempt begins: connect, or an upgrade. */
inline begin() {
	state = connecting; alive = 1; untold = 0; error = 0; renewed = 0; verified = 0; told = 0; truth = 0; given = 0;
	if :: !OLD_ERROR -> why = 0 :: else fi
}

/* The program gets a fresh descriptor in the place of its own. */
inline replace() {
	if :: other == FORK -> other = OLDER :: else fi
}

/* A call tells how the attempt ended. */
inline tell(how) {
	told++;
	assert(how == truth);
	assert(state != connecting)
}

inline tellWaiter(how) {
	answer = ERRNO(how); untold = 0; error = 0; waits = 0; tell(how)
}

inline tellLater() {
	untold = 0;
	if
	:: state == connected && relay == CUT -> told++; result = ERRNO(why)
	:: state == connected && relay != CUT -> tell(0); result = OK
	:: state == failed && !error -> result = ECONNABORTED
	:: state == failed && error -> error = 0; tell(why); result = ERRNO(why)
	fi
}

inline connect(blocking) {
	if
	:: untold -> tellLater()
	:: !untold && (state == connected || state == listening) -> result = EISCONN
	:: !untold && state == connecting && !blocking -> result = EALREADY
	:: !untold && state == connecting && blocking -> waits = WAITING; result = PENDING
	:: !untold && (state == fresh || state == failed) ->
		if :: state == failed && !renewed -> replace() :: else fi;
		begin();
		if :: blocking -> waits = WAITING; result = PENDING :: else -> result = EINPROGRESS fi
	fi
}

/* The attempt has ended: 0 is success. */
inline outcome(how) {
	alive = (how == 0);
	truth = how;
	untold = 1;
	if :: how == 0 -> state = connected; relay = OPEN; shut = 0; unread = 0; verified = 1
	   :: else ->
		state = failed; error = 1;
		if :: why == 0 -> why = how :: else fi;
		if :: BLOCKED && own -> renewed = 1; replace() :: else fi
	fi;
	if
	:: BLOCKED && TOLD_LATE -> late = 1; news = how
	:: BLOCKED && !TOLD_LATE && !(DEATH_NOT_TOLD && how == DOWN) -> tellWaiter(why)
	:: waits == INTERRUPTED -> waits = 0; if :: TOLD_TWICE -> told++ :: else fi
	:: else
	fi
}

inline cut(how) {
	alive = 0; why = how; relay = CUT; unread = !RESET_AS_END
}

/* Who has closed the last descriptor ends everything. */
inline closed() {
	if
	:: !HELD ->
		if :: BLOCKED && state == connecting -> answer = ECONNABORTED :: else fi;
		if :: !(CLOSE_LEAKS && state == connecting) && !(CLOSED_LISTENS && state == listening) -> alive = 0 :: else fi;
		waits = 0;
		forget();
		state = gone
	:: else
	fi
}

inline forget() {
	untold = 0; error = 0; why = 0; renewed = 0; relay = 0; shut = 0; unread = 0; queued = 0; verified = 0; truth = 0; told = 0; given = 0; late = 0
}

active proctype world() {
	if :: state = fresh :: state = plain fi;
	do
	/* What the program calls. */
	STEP(CALLS && !BLOCKED); connect(1); DONE("connect")
	STEP(CALLS); connect(0); DONE("connect nonblocking")
	STEP(CALLS && !BLOCKED && !untold && (state == fresh || state == failed));
		result = ENETDOWN;
		DONE("connect, no service")
	STEP(CALLS);
		result = OK; untold = 0;
		if
		:: state == fresh -> forget()
		:: state == failed -> given = 1
		:: else ->
			if
			:: BLOCKED && state == connecting -> answer = ECONNABORTED
			:: BLOCKED && state == listening -> answer = EINVAL
			:: else
			fi;
			waits = 0; alive = 0; replace(); forget(); state = fresh
		fi;
		DONE("disconnect")
	STEP(CALLS);
		if
		:: state == listening -> result = OK
		:: (state == fresh || state == failed) && !untold ->
			result = OK;
			if :: state == failed && !renewed -> replace() :: else fi;
			renewed = 0; verified = 0; told = 0; given = 0; state = listening; alive = 1;
			if :: !error -> why = 0; truth = 0 :: else fi
		:: else -> result = EINVAL
		fi;
		DONE("listen")
	STEP(CALLS && !BLOCKED && state == listening);
		if :: queued -> queued = 0; waits = 0; result = CONNECTION :: else -> waits = WAITING; result = PENDING fi;
		DONE("accept")
	STEP(CALLS && state == listening);
		if :: queued -> queued = 0; result = CONNECTION :: else -> result = EAGAIN fi;
		DONE("accept nonblocking")
	STEP(CALLS && state != listening);
		if
		:: state == fresh || state == failed -> result = ENOTCONN
		:: state == connecting -> result = OK; outcome(CANCELLED)
		:: state == connected && relay >= ENDED -> result = ENOTCONN
		:: state == connected && relay == OPEN -> result = OK; shut = 1
		:: state == connected && relay == HALF -> result = OK; shut = 1; relay = ENDED; alive = 0
		fi;
		DONE("shutdown")
	STEP(CALLS);
		if
		:: error -> error = 0; tell(why); result = ERRNO(why)
		:: state == connected && unread -> unread = 0; result = ERRNO(why)
		:: else -> result = OK
		fi;
		DONE("get SO_ERROR")
	STEP(CALLS && state == connected);
		if
		:: relay == OPEN -> result = EAGAIN
		:: relay == CUT && unread -> unread = 0; result = ECONNRESET
		:: else -> result = END_OF_FILE
		fi;
		DONE("read")
	STEP(state == plain && own);
		if :: other == FORK && !OLDER_IN_PLAIN -> result = EBUSY
		   :: else -> if :: other == FORK -> other = RAW :: else fi; begin(); waits = WAITING; result = PENDING
		fi;
		DONE("upgrade")
	STEP(state == plain && own);
		if :: other == FORK && !OLDER_IN_PLAIN -> result = EBUSY
		   :: else -> if :: other == FORK -> other = RAW :: else fi; begin(); result = EINPROGRESS
		fi;
		DONE("upgrade nonblocking")
	/* Signals that end the call of the thread that waits. */
	STEP(BLOCKED && !late); waits = 0; result = INTERRUPT; DONE("signal")
	STEP(BLOCKED && !late); waits = INTERRUPTED; result = INTERRUPT; DONE("signal, unannounced")
	/* Descriptors of the socket. A thread in accept has the listener, too. */
	STEP(CALLS && !(BLOCKED && state == listening && (other == 0 || other == OLDER)));
		own = 0; result = OK; closed();
		DONE("close")
	STEP(other && !(BLOCKED && state == listening && !own)); other = 0; result = OK; closed(); DONE("close the other")
	STEP(own && !other); other = DUP; result = OK; DONE("dup")
	STEP(own && !other); other = FORK; result = OK; DONE("fork")
	STEP(other == OLDER); other = FORK; result = OK; DONE("the other calls")
	STEP(other && state != plain && state != listening);
		assert(other != RAW); /* this byte would go to the network in plain text */
		if
		:: other != OLDER && RELAYS && !shut -> result = TAKEN
		:: else -> result = REFUSED
		fi;
		DONE("the other writes")
	/* What the service and the peer do. */
	STEP(state == connecting); outcome(0); DONE("verified")
	STEP(state == connecting); outcome(UNTRUSTED); DONE("untrusted")
#if TOLD_LATE
	STEP(late && BLOCKED); late = 0; tellWaiter(news); DONE("who waits is told")
#endif
	STEP(state == connecting || RELAYS);
		if :: state == connecting -> outcome(DOWN) :: else -> cut(DOWN) fi;
		DONE("service dies")
	STEP(RELAYS && relay == OPEN);
		if :: shut -> relay = ENDED; alive = 0 :: else -> relay = HALF fi;
		DONE("peer ends")
	STEP(RELAYS && relay == OPEN); cut(TRUNCATED); assert(unread); DONE("peer cuts")
	STEP(RELAYS && relay == OPEN); cut(NETWORK); assert(unread); DONE("peer resets")
	STEP(state == listening && !queued);
		if
		:: BLOCKED && own -> waits = 0; answer = CONNECTION
		:: else -> queued = 1; if :: waits == INTERRUPTED -> waits = 0 :: else fi
		fi;
		DONE("client")
	STEP(state == listening); DONE("untrusted client")
	:: state == gone -> break
	od
}

c_code {
\#include "report.h"
}
