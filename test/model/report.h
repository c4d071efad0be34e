/* How the verifier prints the transitions of socket.pml. */

static char before[128];

/* word is a name of the above as people and Go write it. */
static const char *word(int n) {
	switch (n) {
	case NOTHING: return "";
	case OK: return "ok";
	case PENDING: return "pending";
	case EINPROGRESS: return "EINPROGRESS";
	case EALREADY: return "EALREADY";
	case EISCONN: return "EISCONN";
	case EINVAL: return "EINVAL";
	case ENOTCONN: return "ENOTCONN";
	case EAGAIN: return "EAGAIN";
	case EBUSY: return "EBUSY";
	case EPROTO: return "EPROTO";
	case ENETDOWN: return "ENETDOWN";
	case ECONNABORTED: return "ECONNABORTED";
	case ECONNRESET: return "ECONNRESET";
	case END_OF_FILE: return "end of file";
	case CONNECTION: return "a verified connection";
	case INTERRUPT: return "interrupted";
	case TAKEN: return "taken";
	case REFUSED: return "refused";
	case plain: return "plain";
	case fresh: return "fresh";
	case connecting: return "connecting";
	case connected: return "connected";
	case failed: return "failed";
	case listening: return "listening";
	}
	return "gone";
}

static const char *describe(void) {
	static char text[128];
	static const char *reasons[] = {"-", "untrusted", "down", "cancelled", "truncated", "network"};
	static const char *relays[] = {" open", " half", " ended"};
	static const char *waiting[] = {"", "waiting", "interrupted"};
	static const char *others[] = {"", " dup", " fork", " older", " raw"};
	char detail[64] = "";

	if (now.state == gone)
		return "gone";
	if (now.state == connected)
		snprintf(detail, sizeof detail, "%s%s%s%s%s", now.untold ? " untold" : "", now.relay == CUT ? " " : "",
			now.relay == CUT ? reasons[now.why] : relays[now.relay], now.shut ? " shut" : "",
			now.unread ? " reset-unread" : "");
	else if (now.state == failed)
		snprintf(detail, sizeof detail, "%s %s%s", now.untold ? " untold" : "", reasons[now.why], now.renewed ? " renewed" : "");
	else if (now.state == listening)
		snprintf(detail, sizeof detail, "%s", now.queued ? " queued" : "");
	snprintf(text, sizeof text, "%s%s%s%s/%s/%s%s", word(now.state), detail, now.error ? " error " : "",
		now.error ? word(now.why == UNTRUSTED ? EPROTO : now.why == DOWN ? ENETDOWN : ECONNABORTED) : "", waiting[now.waits], now.own ? "own" : "-", others[now.other]);
	return text;
}

void remember(void) { strcpy(before, describe()); }

/* report prints a transition as the code's walk does. */
void report(const char *operation) {
	printf("%s | %s | %s%s%s | %s\n", before, operation, word(now.result), now.answer == NOTHING ? "" : ", told ",
		now.answer == NOTHING ? "" : word(now.answer), describe());
}
