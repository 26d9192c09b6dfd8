/*
 * IMAP and POP3 before the login: what a client says ("C: ") and what it is
 * told ("S: "; a trailing * stands for anything). "S: EOF" is the end of the
 * connection. Every line of C goes out with CRLF, but for those of "B: ".
 */
#include "world.h"

#include <malloc.h>
#include <sys/resource.h>

struct conversation {
	const char *name;
	const struct protocol *protocol;
	bool is_tls_first;
	const char *address;
	const char *lines[40];	/* ends with NULL */
};

#define L(...) { __VA_ARGS__ }
#define OUTSIDE "192.0.2.1"
#define IMAP_OUTSIDE "S: * OK [CAPABILITY IMAP4rev2 IMAP4rev1 SASL-IR " \
	"LITERAL+ ID STARTTLS LOGINDISABLED AUTH=SCRAM-SHA-256] " \
	"mail.example.test Posthouse is ready"
#define IMAP_TLS "CAPABILITY IMAP4rev2 IMAP4rev1 SASL-IR LITERAL+ ID " \
	"AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN"
#define POP3_READY "S: +OK mail.example.test Posthouse is ready"
/* NUL alice NUL secret */
#define RIGHT "AGFsaWNlAHNlY3JldA=="
#define ADOPTED "adopted ticket=0001"

static const struct conversation conversations[] = {
{ "imap/login-on-the-loopback", &protocol_imap, false, "127.0.0.1", L(
	"S: * OK [CAPABILITY IMAP4rev2 IMAP4rev1 SASL-IR LITERAL+ ID STARTTLS "
		"AUTH=SCRAM-SHA-256 AUTH=PLAIN] *",
	"C: a login alice secret",
	"S: a " ADOPTED " tls=no unread=", "S: EOF") },
{ "imap/login-by-a-local-socket-needs-no-tls", &protocol_imap, false, "local",
	L("S: * OK [CAPABILITY IMAP4rev2 IMAP4rev1 SASL-IR LITERAL+ ID "
		"AUTH=SCRAM-SHA-256 AUTH=PLAIN] *",
	"C: a LOGIN \"alice\" \"secret\"",
	"S: a " ADOPTED " tls=no unread=", "S: EOF") },
{ "imap/what-is-pipelined-goes-along", &protocol_imap, false, "127.0.0.1", L(
	"S: * OK *",
	"B: a login alice secret\r\nb select inbox\r\nc no",
	"S: a " ADOPTED " tls=no unread=b select inbox||c no", "S: EOF") },
{ "imap/no-password-in-the-open", &protocol_imap, false, OUTSIDE, L(
	IMAP_OUTSIDE,
	"C: a LOGIN alice secret",
	"S: a NO [PRIVACYREQUIRED] Start TLS before you send a password",
	"C: b AUTHENTICATE PLAIN " RIGHT,
	"S: b NO [PRIVACYREQUIRED] Start TLS before you send a password",
	"C: c AUTHENTICATE GSSAPI",
	"S: c NO [CANNOT] This authentication mechanism is not offered",
	"C: d AUTHENTICATE SCRAM-SHA-256-PLUS",
	"S: d NO [CANNOT] *",
	"C: e logout", "S: * BYE Goodbye", "S: e OK Logged out", "S: EOF") },
{ "imap/starttls-throws-away-what-came-too-early", &protocol_imap, false,
	OUTSIDE, L(IMAP_OUTSIDE,
	"B: a STARTTLS\r\nb login mallory x\r\n",
	"S: a OK Begin TLS now",
	"C: c CAPABILITY",
	"S: * " IMAP_TLS, "S: c OK Capabilities listed",
	"C: d STARTTLS", "S: d BAD [CLIENTBUG] TLS is already there",
	"C: e LOGIN alice secret",
	"S: e " ADOPTED " tls=yes unread=", "S: EOF") },
{ "imap/tls-from-the-start", &protocol_imap, true, OUTSIDE, L(
	"S: * OK [" IMAP_TLS "] mail.example.test Posthouse is ready",
	"C: a authenticate plain " RIGHT,
	"S: a " ADOPTED " tls=yes unread=", "S: EOF") },
{ "imap/authenticate-asks-when-nothing-was-sent", &protocol_imap, true, OUTSIDE,
	L("S: * OK *",
	"C: a AUTHENTICATE PLAIN", "S: + ", "C: " RIGHT,
	"S: a " ADOPTED " tls=yes unread=", "S: EOF") },
{ "imap/scram-has-a-last-word", &protocol_imap, false, OUTSIDE, L(
	IMAP_OUTSIDE,
	"C: a AUTHENTICATE SCRAM-SHA-256 Zmlyc3Q=", "S: + Y2hhbGxlbmdl",
	"C: cHJvb2Y=", "S: + ZG9uZQ==", "B: \r\nb noop\r\n",
	"S: a " ADOPTED " tls=no unread=b noop||", "S: EOF") },
{ "imap/authenticate-can-be-cancelled", &protocol_imap, true, OUTSIDE, L(
	"S: * OK *",
	"C: a AUTHENTICATE PLAIN", "S: + ", "C: *",
	"S: a BAD Authentication cancelled",
	"C: b AUTHENTICATE PLAIN", "S: + ", "C: !!!",
	"S: b BAD This is not a response of the authentication mechanism",
	"C: c AUTHENTICATE SCRAM-SHA-256 =", "S: + Y2hhbGxlbmdl",
	"C: cHJvb2Y=", "S: + ZG9uZQ==", "C: *",
	"S: c BAD Authentication cancelled",
	"C: d NOOP", "S: d OK Nothing done",
	"C: e AUTHENTICATE PLAIN !!!",
	"S: e BAD This is not a response of the authentication mechanism") },
{ "imap/wrong-passwords-end-it", &protocol_imap, true, OUTSIDE, L(
	"S: * OK *",
	"C: a LOGIN alice wrong",
	"S: a NO [AUTHENTICATIONFAILED] User name or password is wrong",
	"C: b LOGIN alice busy", "S: b NO [UNAVAILABLE] *",
	"C: c LOGIN alice many", "S: c NO [LIMIT] *",
	"C: d LOGIN alice wrong", "S: d NO [AUTHENTICATIONFAILED] *",
	"C: e LOGIN alice wrong", "S: e NO [AUTHENTICATIONFAILED] *",
	"C: f LOGIN alice wrong", "S: f NO [AUTHENTICATIONFAILED] *",
	"C: g LOGIN alice wrong", "S: g NO [AUTHENTICATIONFAILED] *",
	"S: * BYE Too many failed logins", "S: EOF") },
{ "imap/a-penalty-holds-the-reply-back", &protocol_imap, true, OUTSIDE, L(
	"S: * OK *",
	"B: a LOGIN alice slow\r\nb NOOP\r\n",
	"S: a NO [AUTHENTICATIONFAILED] *", "S: b OK Nothing done") },
{ "imap/literals", &protocol_imap, true, OUTSIDE, L(
	"S: * OK *",
	"C: a LOGIN {5}", "S: + Go on",
	"C: alice {6}", "S: + Go on", "C: secret",
	"S: a " ADOPTED " tls=yes unread=", "S: EOF") },
{ "imap/literals-that-do-not-wait", &protocol_imap, true, OUTSIDE, L(
	"S: * OK *",
	"B: a LOGIN {5+}\r\nalice {6+}\r\nsecret\r\n",
	"S: a " ADOPTED " tls=yes unread=", "S: EOF") },
{ "imap/literals-too-large", &protocol_imap, true, OUTSIDE, L(
	"S: * OK *",
	"C: a LOGIN {5000}",
	"S: a BAD [TOOBIG] The literal is too large before a login",
	"C: b NOOP", "S: b OK Nothing done",
	"B: c LOGIN {99999999999+}\r\nx",
	"S: * BYE [TOOBIG] This literal is too large", "S: EOF") },
{ "imap/id", &protocol_imap, false, OUTSIDE, L(
	IMAP_OUTSIDE,
	"C: a ID NIL", "S: * ID (\"name\" \"Posthouse\")", "S: a OK *",
	"C: b ID (\"name\" \"x\" \"version\" NIL)", "S: * ID *", "S: b OK *",
	"C: c ID (\"name\")", "S: c BAD *",
	"C: d ID", "S: d BAD *") },
{ "imap/bad-commands-are-counted", &protocol_imap, false, OUTSIDE, L(
	IMAP_OUTSIDE,
	"C: a FROB", "S: a BAD There is no such command",
	"C: b SELECT inbox", "S: b BAD [CLIENTBUG] Log in first",
	"C: ", "S: * BAD *",
	"C: ) x", "S: * BAD *",
	"C: e NOOP x", "S: e BAD *",
	"C: f LOGIN alice", "S: f BAD *",
	"C: g STARTTLS x", "S: g BAD *",
	"C: h LOGIN a b c", "S: h BAD *",
	"C: i AUTHENTICATE", "S: i BAD *",
	"C: j FROB", "S: j BAD *",
	"S: * BYE Too many commands that are none", "S: EOF") },

{ "pop3/user-and-pass", &protocol_pop3, false, "127.0.0.1", L(
	POP3_READY,
	"C: PASS x", "S: -ERR Send USER first",
	"C: user alice", "S: +OK Send the password",
	"C: pass secret", "S: - " ADOPTED " tls=no unread=", "S: EOF") },
{ "pop3/pipelined", &protocol_pop3, false, "127.0.0.1", L(
	POP3_READY,
	"B: UTF8\r\nUSER alice\r\nPASS secret\r\nSTAT\r\n",
	"S: +OK UTF-8 it is", "S: +OK Send the password",
	"S: UTF8 " ADOPTED " tls=no unread=STAT||", "S: EOF") },
{ "pop3/no-password-in-the-open", &protocol_pop3, false, OUTSIDE, L(
	POP3_READY,
	"C: USER alice",
	"S: -ERR [SYS/PERM] Start TLS before you send a password",
	"C: AUTH PLAIN " RIGHT,
	"S: -ERR [SYS/PERM] Start TLS before you send a password",
	"C: CAPA", "S: +OK *", "S: TOP", "S: UIDL", "S: RESP-CODES",
	"S: AUTH-RESP-CODE", "S: PIPELINING", "S: EXPIRE NEVER",
	"S: UTF8 USER", "S: IMPLEMENTATION Posthouse", "S: STLS",
	"S: SASL SCRAM-SHA-256", "S: .",
	"C: QUIT", "S: +OK Goodbye", "S: EOF") },
{ "pop3/stls-throws-away-what-came-too-early", &protocol_pop3, false, OUTSIDE, L(
	POP3_READY,
	"B: STLS\r\nUSER mallory\r\n", "S: +OK Begin TLS now",
	"C: PASS x", "S: -ERR Send USER first",
	"C: STLS", "S: -ERR TLS is already there",
	"C: CAPA", "S: +OK *", "S: TOP", "S: UIDL", "S: RESP-CODES",
	"S: AUTH-RESP-CODE", "S: PIPELINING", "S: EXPIRE NEVER",
	"S: UTF8 USER", "S: IMPLEMENTATION Posthouse", "S: USER",
	"S: SASL SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN", "S: .",
	"C: AUTH", "S: +OK Mechanisms follow", "S: SCRAM-SHA-256-PLUS",
	"S: SCRAM-SHA-256", "S: PLAIN", "S: .",
	"C: AUTH PLAIN " RIGHT, "S: - " ADOPTED " tls=yes unread=",
	"S: EOF") },
{ "pop3/auth", &protocol_pop3, true, OUTSIDE, L(
	POP3_READY,
	"C: AUTH PLAIN", "S: + ", "C: *", "S: -ERR Authentication cancelled",
	"C: AUTH SCRAM-SHA-256 =", "S: + Y2hhbGxlbmdl",
	"C: cHJvb2Y=", "S: + ZG9uZQ==", "C: ",
	"S: - " ADOPTED " tls=yes unread=", "S: EOF") },
{ "pop3/failures-have-codes", &protocol_pop3, true, OUTSIDE, L(
	POP3_READY,
	"C: USER alice", "S: +OK *", "C: PASS wrong",
	"S: -ERR [AUTH] User name or password is wrong",
	"C: PASS wrong", "S: -ERR Send USER first",
	"C: USER alice", "S: +OK *", "C: PASS busy", "S: -ERR [SYS/TEMP] *",
	"C: STAT", "S: -ERR Log in first",
	"C: USER", "S: -ERR *",
	"C: FROB", "S: -ERR There is no such command",
	"C: NOOP", "S: +OK Nothing done") },
};

static bool
is_like(const char *line, const char *want)
{
	size_t size = strlen(want);
	if (size > 0 && want[size - 1] == '*')
		return strncmp(line, want, size - 1) == 0;
	return strcmp(line, want) == 0;
}

static void
expect(const struct conversation *conversation, int fd, const char *want)
{
	char line[1000];
	bool is_line = read_line(fd, line, sizeof(line));
	if (strcmp(want, "EOF") == 0) {
		if (is_line)
			fail_msg("%s: not the end: %s", conversation->name,
				line);
	} else if (!is_line) {
		fail_msg("%s: no answer, wanted %s", conversation->name, want);
	} else if (!is_like(line, want)) {
		fail_msg("%s: wanted %s, got %s", conversation->name, want,
			line);
	}
}

static void
converse(const struct conversation *conversation)
{
	int fd = world_connect(conversation->protocol,
		conversation->is_tls_first, conversation->address);
	for (const char *const *line = conversation->lines; *line != NULL;
		line++) {
		if ((*line)[0] == 'S') {
			expect(conversation, fd, *line + 3);
			continue;
		}
		write_text(fd, *line + 3);
		if ((*line)[0] == 'C')
			write_text(fd, "\r\n");
	}
	close(fd);
	world_wait();
}

static void
clients_are_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(conversations) /
		sizeof(conversations[0]); i++)
		converse(&conversations[i]);
}

/* ---- when others are away ---- */

static void
nobody_is_told_ok_when_the_mailbox_is_away(void **state)
{
	static const struct conversation both[] = {
	{ "imap/mailbox-away", &protocol_imap, false, "127.0.0.1", L(
		"S: * OK *", "C: a LOGIN alice secret",
		"S: a NO [UNAVAILABLE] Your mailbox is not available now, try "
			"again later",
		"C: b NOOP", "S: b OK *") },
	{ "pop3/mailbox-away", &protocol_pop3, false, "127.0.0.1", L(
		POP3_READY, "C: USER alice", "S: +OK *", "C: PASS secret",
		"S: -ERR [SYS/TEMP] Your mailbox is not available now, try "
			"again later",
		"C: NOOP", "S: +OK *") },
	};
	(void)state;
	/* the test before has left a wire to the fake: it is used up first */
	world.has_mailbox = false;
	world.login->processes = 1;	/* instance 0 is refused by master */
	converse(&both[0]);
	converse(&both[1]);
	world.login->processes = 4;
	world.has_mailbox = true;
}

static void
tls_away_is_said_before_the_handshake(void **state)
{
	struct wire_set *pool = world.login->tls;
	static const struct conversation both[] = {
	{ "imap/tls-away", &protocol_imap, false, OUTSIDE, L(
		IMAP_OUTSIDE, "C: a STARTTLS",
		"S: a NO [UNAVAILABLE] TLS is not available now, try again "
			"later",
		"C: b NOOP", "S: b OK *") },
	{ "pop3s/tls-away", &protocol_pop3, true, OUTSIDE, L("S: EOF") },
	};
	(void)state;
	world.has_tls = false;
	world.login->tls = wire_set_new(world.lot, "tls-accept", 1);
	converse(&both[0]);
	converse(&both[1]);
	world.has_tls = true;
	wire_set_free(&world.login->tls);
	world.login->tls = pool;
}

static bool
is_one_waiting(struct turnstile *turnstile)
{
	pthread_mutex_lock(&turnstile->lock);
	bool result = turnstile->waiting > 0;
	pthread_mutex_unlock(&turnstile->lock);
	return result;
}

/* All who are inside come out when somebody waits for it. */
static void *
come_out(void *context)
{
	struct turnstile *turnstile = context;
	int64_t deadline = clock_monotonic() + PATIENCE;
	while (!is_one_waiting(turnstile) && clock_monotonic() < deadline)
		usleep(100);
	for (unsigned i = turnstile->most; i > 0; i--)
		turnstile_leave(turnstile, clock_monotonic());
	return NULL;
}

static void
a_busy_tls_is_waited_for(void **state)
{
	struct turnstile *turnstile = &world.login->tls_turnstile;
	static const struct conversation all[] = {
	{ "imap/tls-busy", &protocol_imap, false, OUTSIDE, L(
		IMAP_OUTSIDE, "C: a STARTTLS", "S: a OK Begin TLS now",
		"C: b NOOP", "S: b OK *") },
	{ "imaps/tls-busy", &protocol_imap, true, OUTSIDE, L("S: * OK *") },
	{ "pop3/tls-busy", &protocol_pop3, false, OUTSIDE, L("S: +OK *",
		"C: STLS", "S: +OK *", "C: NOOP", "S: +OK *") },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct turn others[64] = { 0 };
		/* not long ago, however slow we are: the line is open */
		const int64_t now = clock_monotonic() + 3600000;
		pthread_t thread;
		assert_true(turnstile->most <= 64);
		for (unsigned k = 0; k < turnstile->most; k++)
			assert_int_equal(turnstile_enter(turnstile, &others[k],
				now), TURNSTILE_ENTERED);
		assert_int_equal(pthread_create(&thread, NULL, come_out,
			turnstile), 0);
		converse(&all[i]);
		assert_int_equal(pthread_join(thread, NULL), 0);
	}
}

static void
auth_away_is_later(void **state)
{
	struct sasl_caller *caller = world.login->sasl;
	static const struct conversation imap = { "imap/auth-away",
		&protocol_imap, false, "127.0.0.1", L(
		"S: * OK [CAPABILITY IMAP4rev2 IMAP4rev1 SASL-IR LITERAL+ ID "
			"STARTTLS] *",
		"C: a LOGIN alice secret", "S: a NO [UNAVAILABLE] *",
		"C: b AUTHENTICATE PLAIN " RIGHT, "S: b NO [UNAVAILABLE] *",
		"C: c NOOP", "S: c OK *") };
	(void)state;
	world.has_auth = false;
	world.login->sasl = sasl_caller_new(world.lot);
	converse(&imap);
	world.has_auth = true;
	sasl_caller_free(&world.login->sasl);
	world.login->sasl = caller;
}

/* ---- rules ---- */

static void
networks_that_are_not_trusted_are_turned_away(void **state)
{
	struct login_rules rules = *world.login->rules;
	const struct login_rules *before = world.login->rules;
	static const struct conversation all[] = {
	{ "imap/not-trusted", &protocol_imap, false, OUTSIDE, L(
		"S: * BYE [NOPERM] Logging in is not allowed from your network",
		"S: EOF") },
	{ "imaps/not-trusted", &protocol_imap, true, OUTSIDE, L(
		"S: * BYE [NOPERM] Logging in is not allowed from your network",
		"S: EOF") },
	{ "pop3/not-trusted", &protocol_pop3, false, OUTSIDE, L(
		"S: -ERR [SYS/PERM] Logging in is not allowed from your "
			"network", "S: EOF") },
	{ "imap/trusted-needs-no-tls", &protocol_imap, false, "198.51.100.7", L(
		"S: * OK *", "C: a LOGIN alice secret",
		"S: a " ADOPTED " tls=no unread=", "S: EOF") },
	{ "imap/loopback-is-never-shut-out", &protocol_imap, false,
		"127.0.0.1", L("S: * OK *") },
	};
	(void)state;
	rules.trusted_networks = "198.51.100.0/24";
	atomic_store(&world.login->rules, &rules);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		converse(&all[i]);
	atomic_store(&world.login->rules, before);
}

static void
connections_of_a_network_are_limited(void **state)
{
	struct login_rules rules = *world.login->rules;
	const struct login_rules *before = world.login->rules;
	static const struct conversation third = { "imap/third-connection",
		&protocol_imap, false, "192.0.2.77", L(
		"S: * BYE [UNAVAILABLE] Too many connections, try again later",
		"S: EOF") };
	char line[1000];
	int fds[2];
	(void)state;
	rules.connections[LOGIN_IMAP] = 2;
	atomic_store(&world.login->rules, &rules);
	for (int i = 0; i < 2; i++) {
		/* not OUTSIDE: the last of the test before may still leave */
		fds[i] = world_connect(&protocol_imap, false, "192.0.2.77");
		assert_true(read_line(fds[i], line, sizeof(line)));
		assert_true(strncmp(line, "* OK", 4) == 0);
	}
	int fd = world_connect(third.protocol, false, third.address);
	expect(&third, fd, third.lines[0] + 3);
	expect(&third, fd, "EOF");
	close(fd);
	close(fds[0]);
	close(fds[1]);
	world_wait();
	atomic_store(&world.login->rules, before);
}

static void
attempts_of_a_network_are_limited(void **state)
{
	struct login_rules rules = *world.login->rules;
	const struct login_rules *before = world.login->rules;
	static const struct conversation all[] = {
	{ "imap/third-attempt", &protocol_imap, true, "192.0.2.78", L(
		"S: * OK *", "C: a LOGIN alice wrong",
		"S: a NO [AUTHENTICATIONFAILED] *", "C: b LOGIN alice wrong",
		"S: b NO [AUTHENTICATIONFAILED] *", "C: c LOGIN alice secret",
		"S: c NO [LIMIT] *") },
	{ "pop3/is-the-same-network", &protocol_pop3, true, "192.0.2.78", L(
		POP3_READY, "C: AUTH PLAIN " RIGHT, "S: -ERR [SYS/TEMP] *") },
	{ "imap/mynetworks-are-not-counted", &protocol_imap, false,
		"127.0.0.1", L("S: * OK *", "C: a LOGIN alice wrong",
		"S: a NO [AUTHENTICATIONFAILED] *", "C: b LOGIN alice wrong",
		"S: b NO [AUTHENTICATIONFAILED] *", "C: c LOGIN alice secret",
		"S: c " ADOPTED " tls=no unread=", "S: EOF") },
	};
	(void)state;
	rules.attempts = 2;
	atomic_store(&world.login->rules, &rules);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		converse(&all[i]);
	atomic_store(&world.login->rules, before);
}

static void
load_balancers_are_believed_and_must_speak(void **state)
{
	struct login_rules rules = *world.login->rules;
	const struct login_rules *before = world.login->rules;
	static const struct conversation all[] = {
	{ "imap/proxy-header", &protocol_imap, false, "203.0.113.1", L(
		"B: PROXY TCP4 192.0.2.9 203.0.113.1 5000 143\r\n",
		IMAP_OUTSIDE, "C: a LOGOUT", "S: * BYE *", "S: a OK *",
		"S: EOF") },
	{ "imap/no-proxy-header", &protocol_imap, false, "203.0.113.1", L(
		"B: a NOOP\r\n", "S: EOF") },
	{ "imap/others-are-not-believed", &protocol_imap, false, OUTSIDE, L(
		"B: PROXY TCP4 127.0.0.1 203.0.113.1 5000 143\r\n",
		IMAP_OUTSIDE, "S: PROXY BAD *") },
	};
	(void)state;
	rules.proxy_networks = "203.0.113.0/24";
	atomic_store(&world.login->rules, &rules);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		converse(&all[i]);
	atomic_store(&world.login->rules, before);
}

static void
who_does_not_log_in_is_sent_away(void **state)
{
	struct login_rules rules = *world.login->rules;
	const struct login_rules *before = world.login->rules;
	static const struct conversation all[] = {
	{ "imap/too-slow", &protocol_imap, false, OUTSIDE, L(IMAP_OUTSIDE,
		"B: a LOGIN {5+}\r\nal",
		"S: * BYE You took too long to log in", "S: EOF") },
	/* RFC 1939 3: without a word */
	{ "pop3/too-slow", &protocol_pop3, false, OUTSIDE, L(POP3_READY,
		"S: EOF") },
	};
	(void)state;
	rules.timeout = 300;
	atomic_store(&world.login->rules, &rules);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		converse(&all[i]);
	atomic_store(&world.login->rules, before);
}

/* ---- many who say half ---- */

/* What malloc has given out; sanitizers do not tell. */
static size_t
memory_in_use(void)
{
	struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

static void
half_a_literal_holds_no_thread_and_little_memory(void **state)
{
	enum { CLIENTS = 400 };
	static int fds[CLIENTS];
	char line[1000];
	(void)state;
	size_t before = memory_in_use();
	for (int i = 0; i < CLIENTS; i++) {
		fds[i] = world_connect(&protocol_imap, false, "127.0.0.1");
		assert_true(read_line(fds[i], line, sizeof(line)));
		write_text(fds[i], "a LOGIN {4000+}\r\nhalf of it");
	}
	/* the quickest of some: the machine may be busy, a held thread stays so */
	int last = -1;
	int64_t quickest = INT64_MAX;
	for (int i = 0; i < 5 && quickest >= 1000; i++) {
		if (last >= 0)
			close(last);
		int64_t begun = clock_monotonic();
		last = world_connect(&protocol_imap, false, "127.0.0.1");
		assert_true(read_line(last, line, sizeof(line)));
		quickest = clock_monotonic() - begun;
	}
	assert_true(quickest < 1000);
	write_text(last, "a NOOP\r\n");
	assert_true(read_line(last, line, sizeof(line)));
	assert_string_equal(line, "a OK Nothing done");
	size_t each = (memory_in_use() - before) / CLIENTS;
	if (each > 4096)
		fail_msg("%zu bytes for each client", each);
	for (int i = 0; i < CLIENTS; i++)
		close(fds[i]);
	close(last);
}

/* ---- the last bytes ---- */

/*
 * A session reads a few times before it lets others go first; what came with
 * the last of these reads is answered, though nothing comes after it.
 */
static void
what_was_read_last_is_answered(void **state)
{
	enum { CLIENTS = 40, READS = 4, SIZE = READS * STREAM_READ_SIZE };
	static char text[SIZE + 1];
	char line[1000];
	(void)state;
	memset(text, 'x', SIZE);
	memcpy(text, "USER ", 5);
	memcpy(text + SIZE - 2, "\r\n", 2);
	for (int i = 0; i < CLIENTS; i++) {
		int fd = world_connect(&protocol_pop3, false, "127.0.0.1");
		assert_true(read_line(fd, line, sizeof(line)));
		write_text(fd, text);
		if (!read_line(fd, line, sizeof(line)))
			fail_msg("client %d has no answer", i);
		assert_true(is_like(line, "-ERR *"));
		close(fd);
		world_wait();
	}
}

int
main(void)
{
	static const char *const settings[] = { "myhostname=mail.example.test",
		"mailbox_processes=4", "smtpd_client_auth_rate_limit=0" };
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_are_answered),
		cmocka_unit_test(nobody_is_told_ok_when_the_mailbox_is_away),
		cmocka_unit_test(tls_away_is_said_before_the_handshake),
		cmocka_unit_test(a_busy_tls_is_waited_for),
		cmocka_unit_test(auth_away_is_later),
		cmocka_unit_test(
			networks_that_are_not_trusted_are_turned_away),
		cmocka_unit_test(connections_of_a_network_are_limited),
		cmocka_unit_test(attempts_of_a_network_are_limited),
		cmocka_unit_test(load_balancers_are_believed_and_must_speak),
		cmocka_unit_test(who_does_not_log_in_is_sent_away),
		cmocka_unit_test(
			half_a_literal_holds_no_thread_and_little_memory),
		cmocka_unit_test(what_was_read_last_is_answered),
	};
	/* both ends of every connection are in this process */
	setrlimit(RLIMIT_NOFILE, &(struct rlimit){ 4096, 4096 });
	log_set_level(LOG_ERROR);
	counter_open(-1, -1, false);
	world_make(settings, sizeof(settings) / sizeof(settings[0]));
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	world_end();
	return failed;
}
