/*
 * Talking with PostgreSQL within a deadline and with bounded answers: libpq,
 * never in its blocking calls.
 */
#ifndef PGSQL_SQL_H
#define PGSQL_SQL_H

#include <libpq-fe.h>

#include "base/error.h"
#include "pgsql/query.h"
#include "serve/source_server.h"

enum { SQL_ANSWER_LIMIT = 256 << 10 };	/* bytes of one */

/* NULL with error. keywords and values end with NULL, as for libpq. */
PGconn *
sql_connect(const char *const *keywords, const char *const *values,
	int64_t deadline, struct error *error);

/*
 * FOUND: *result is that of the query, the caller's to clear; of rows the first,
 * *rows says how many came. ODD: the query failed, or its answer is too long
 * (then *is_spoilt, the connection is of no use).
 */
enum source_verdict
sql_ask(PGconn *connection, const struct query *query,
	const char *const *values, int64_t deadline, PGresult **result,
	size_t *rows, bool *is_spoilt, struct error *error);

#endif
