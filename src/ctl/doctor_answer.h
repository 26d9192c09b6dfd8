/*
 * What `posthouse doctor` knows of the DNS: what it asked and was answered, and
 * what our domains and zones need there.
 */
#ifndef CTL_DOCTOR_ANSWER_H
#define CTL_DOCTOR_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DOCTOR_TYPE_SRV = 33, DOCTOR_TYPE_DS = 43, DOCTOR_TYPE_CAA = 257,
	DOCTOR_QUESTIONS_LIMIT = 1500 };

enum doctor_view {
	DOCTOR_INSIDE,		/* names of the running system, which validates */
	DOCTOR_OUTSIDE,		/* another resolver: what the world is told */
};

enum doctor_outcome {
	DOCTOR_UNASKED,
	DOCTOR_SILENT,		/* no answer, or one that says nothing */
	DOCTOR_BOGUS,		/* validation failed */
	DOCTOR_NO_NAME, DOCTOR_EMPTY, DOCTOR_FOUND
};

struct doctor_answer {
	enum doctor_view view;
	uint16_t type;
	const char *name;	/* lower case, no last dot */
	enum doctor_outcome outcome;
	bool is_secure;
	/* As zone files have it, names without the last dot; TXT: its strings
	 * joined. */
	const char **text;
	size_t count, room;
};

struct doctor_answers {
	struct doctor_answer **answer;
	size_t count;
	bool has_inside, has_outside;
	/* A resolver that was to be the one outside and says nothing; or NULL */
	const char *silent_resolver;
};

/* A record that a domain of ours needs, as hostmaster says. */
struct doctor_wanted {
	const char *domain, *owner, *type, *data;	/* names as above */
};

/* A key that a zone is signed with here, as its parent is to have it. */
struct doctor_key {
	const char *zone;
	const char *ds;		/* as answers have it */
	const char *record;	/* as in a zone file */
	bool is_wanted;		/* there, now */
};

#endif
