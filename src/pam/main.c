/*
 * pam: root; is this the password of this system user, and who is that? It
 * answers auth alone, one line a question, and starts a child for each
 * (asker.h). It holds no secret longer than that, opens no file and no socket,
 * and understands nothing but the name and the number of a question.
 *
 * What it opens: nothing. Its jail is a list of what it may not do (confine.h):
 * its children are PAM's, and what those need the administrator's modules say.
 */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "pam/answer.h"
#include "pam/asker.h"
#include "pam/confine.h"
#include "proto/tabline.h"
#include "serve/listener.h"
#include "serve/process.h"
#include "serve/stream.h"

enum {
	/* Each holds a question; some are left to say "too many". */
	WORKERS = ASKER_LOOKUPS + ASKER_CHECKS + 4,
	WRITE_WAIT = 2000,
};

/* A wire from auth. */
struct pam_session {
	struct session session;
	struct stream stream;
};

static bool
answer(struct pam_session *pam, struct span line)
{
	struct error error;
	struct buffer out;
	bool ok = true;
	buffer_init(&out, 0);
	if (!span_starts(line, SPAN("VERSION\t1\t")))
		ok = asker_ask(line, &out);
	/* There may have been a password in it. */
	explicit_bzero((void *)(uintptr_t)line.data, line.size);
	stream_add(&pam->stream, buffer_span(&out));
	buffer_fini(&out);
	pam->stream.deadline = clock_monotonic() + WRITE_WAIT;
	return ok && stream_send(&pam->stream, &error) == 0;
}

static enum session_next
run(struct session *session, enum session_event event)
{
	struct pam_session *pam = (struct pam_session *)session;
	if (event == SESSION_STOP)
		return SESSION_CLOSE;
	for (;;) {
		struct span unread = stream_unread(&pam->stream);
		size_t end = span_find(unread, '\n');
		if (end > TABLINE_LIMIT)
			return SESSION_CLOSE;
		if (end < unread.size) {
			if (!answer(pam, span_first(unread, end)))
				return SESSION_CLOSE;
			stream_consume(&pam->stream, end + 1);
			continue;
		}
		int n = stream_fill(&pam->stream);
		if (n == -1)
			return SESSION_PARK;
		if (n <= 0)
			return SESSION_CLOSE;
	}
}

static void
free_session(struct session **session)
{
	struct pam_session *pam = (struct pam_session *)*session;
	stream_fini(&pam->stream);
	memory_free(pam);
	*session = NULL;
}

static const struct session_type type = { "pam", run, free_session };

static void
accept_wire(struct lot *lot, struct incoming *incoming)
{
	struct pam_session *pam = memory_new(sizeof(*pam));
	stream_init(&pam->stream, &incoming->fd);
	pam->stream.is_wire = true;
	pam->session = (struct session){ .type = &type,
		.fd = pam->stream.fd, .second_fd = -1, .deadline = INT64_MAX };
	lot_add(lot, &pam->session);
}

static const struct service services[] = {
	{ "pam-question", accept_wire },
	{ NULL, NULL },
};

int
main(int argc, char **argv)
{
	struct error error;
	if (argc == 2 && strcmp(argv[1], "--answer") == 0)
		return answer_main();
	process_start(argc, argv);
	if (confine_enter(true, &error) < 0) {
		log_event(LOG_ERROR, "cannot-start", NULL,
			LOG_TEXT("reason", error.text));
		return 1;
	}
	struct lot *lot = lot_new(WORKERS);
	listener_set_services(lot, services);
	lot_run(lot, WRITE_WAIT);
	return 0;
}
