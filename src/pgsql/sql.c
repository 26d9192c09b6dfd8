/* See sql.h. */
#include "pgsql/sql.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/clock.h"

/* libpq's messages have several lines; the first says it. */
static int
fail(struct error *error, const char *what, const char *message)
{
	struct span text = span_from(message), line;
	if (!span_split(&text, '\n', &line) || line.size == 0)
		line = SPAN("no reason given");
	return error_set(error, ERROR_LATER, "%s: %.*s", what,
		SPAN_PRINT(span_first(line, 200)));
}

static bool
await(PGconn *connection, short events, int64_t deadline)
{
	struct pollfd slot = { .fd = PQsocket(connection), .events = events };
	int n;
	do {
		n = poll(&slot, 1, clock_until(deadline));
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

PGconn *
sql_connect(const char *const *keywords, const char *const *values,
	int64_t deadline, struct error *error)
{
	PGconn *connection = PQconnectStartParams(keywords, values, 0);
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;
	bool is_late = false;
	while (connection != NULL && !is_late && PQstatus(connection) !=
		CONNECTION_BAD && state != PGRES_POLLING_OK &&
		state != PGRES_POLLING_FAILED) {
		is_late = !await(connection, state == PGRES_POLLING_READING ?
			POLLIN : POLLOUT, deadline);
		if (!is_late)
			state = PQconnectPoll(connection);
	}
	if (connection != NULL && state == PGRES_POLLING_OK &&
		PQsetnonblocking(connection, 1) == 0)
		return connection;
	if (is_late)
		error_set(error, ERROR_TIMEOUT,
			"the database does not answer in time");
	else
		fail(error, "connecting", connection == NULL ? "no memory" :
			PQerrorMessage(connection));
	PQfinish(connection);
	return NULL;
}

/* ---- questions ---- */

struct answering {
	PGconn *connection;
	int64_t deadline;
	size_t bytes;			/* read so far */
	struct error *error;
};

static enum source_verdict
away(const struct answering *answering, const char *what)
{
	fail(answering->error, what, PQerrorMessage(answering->connection));
	return SOURCE_AWAY;
}

static enum source_verdict
away_late(const struct answering *answering)
{
	error_set(answering->error, ERROR_TIMEOUT,
		"the database does not answer in time");
	return SOURCE_AWAY;
}

/* Until libpq has a result. FOUND: it has. */
static enum source_verdict
read_more(struct answering *answering)
{
	while (PQisBusy(answering->connection) != 0) {
		int waiting = 0;
		int unsent = PQflush(answering->connection);
		if (unsent < 0)
			return away(answering, "asking");
		if (!await(answering->connection, unsent > 0 ?
			POLLIN | POLLOUT : POLLIN, answering->deadline))
			return away_late(answering);
		if (ioctl(PQsocket(answering->connection), FIONREAD,
			&waiting) == 0)
			answering->bytes += (size_t)waiting;
		if (answering->bytes > SQL_ANSWER_LIMIT) {
			error_set(answering->error, ERROR_DAMAGED, "the "
				"answer is longer than %d bytes",
				SQL_ANSWER_LIMIT);
			return SOURCE_ODD;
		}
		if (PQconsumeInput(answering->connection) == 0)
			return away(answering, "reading");
	}
	return SOURCE_FOUND;
}

/* Keeps what is worth keeping: the first row, or what tells of a command. */
static void
keep(PGresult *part, PGresult **result, size_t *rows)
{
	*rows += (size_t)PQntuples(part);
	if (*result == NULL || (PQntuples(*result) == 0 &&
		PQntuples(part) > 0)) {
		PQclear(*result);
		*result = part;
	} else {
		PQclear(part);
	}
}

static bool
is_failure(const PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
		return false;
	default:
		return true;
	}
}

static enum source_verdict
read_all(struct answering *answering, PGresult **result, size_t *rows)
{
	enum source_verdict verdict;
	PGresult *part = NULL;
	bool has_failed = false;
	while ((verdict = read_more(answering)) == SOURCE_FOUND &&
		(part = PQgetResult(answering->connection)) != NULL) {
		if (is_failure(part) && !has_failed) {
			has_failed = true;
			fail(answering->error, "the query failed",
				PQresultErrorMessage(part));
		}
		if (has_failed)
			PQclear(part);
		else
			keep(part, result, rows);
	}
	if (verdict != SOURCE_FOUND)
		return verdict;
	if (PQstatus(answering->connection) != CONNECTION_OK)
		return away(answering, "reading");
	return has_failed || *result == NULL ? SOURCE_ODD : SOURCE_FOUND;
}

enum source_verdict
sql_ask(PGconn *connection, const struct query *query,
	const char *const *values, int64_t deadline, PGresult **result,
	size_t *rows, bool *is_spoilt, struct error *error)
{
	struct answering answering = { .connection = connection,
		.deadline = deadline, .error = error };
	*result = NULL;
	*rows = 0;
	error_set(error, ERROR_DAMAGED, "the database says nothing");
	if (PQsendQueryParams(connection, query->text, query->count, NULL,
		values, NULL, NULL, 0) == 0 ||
		PQsetSingleRowMode(connection) == 0)
		return away(&answering, "asking");
	enum source_verdict verdict = read_all(&answering, result, rows);
	*is_spoilt = answering.bytes > SQL_ANSWER_LIMIT;
	if (verdict != SOURCE_FOUND) {
		PQclear(*result);
		*result = NULL;
	}
	return verdict;
}
