/*
 * An SQL query of the administrator with %u %n %d in it, as Dovecot writes them,
 * made into one with parameters: what a stranger types is never text of a
 * query. No I/O.
 */
#ifndef PGSQL_QUERY_H
#define PGSQL_QUERY_H

#include "base/arena.h"
#include "base/error.h"

enum { QUERY_PARAMETERS = 16 };

struct query {
	const char *text;		/* with $1, $2 ...; in the arena */
	char parameter[QUERY_PARAMETERS];	/* 'u', 'n', 'd'; 'h', 'o' */
	int count;
};

/*
 * A variable alone in quotes, or without quotes, becomes a parameter; one within
 * a longer literal ('%n@example.org') a concatenation. variables: which are
 * known ("und"). "%%" is a per cent sign. -1: a sentence that begins with what
 * was found; variables cannot stand in names ("..."), escape strings, or beside
 * a backslash.
 */
int
query_parse(struct span text, const char *variables, struct arena *arena,
	struct query *query, struct error *error);

#endif
