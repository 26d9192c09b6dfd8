/*
 * SPF (RFC 7208) as a receiver would read a domain's record for one address of
 * ours, with the answers that are known; what is missing is put on the list of
 * questions (doctor_answer_best).
 */
#ifndef CTL_DOCTOR_SPF_H
#define CTL_DOCTOR_SPF_H

#include "ctl/doctor_facts.h"

enum { SPF_LOOKUPS = 10 };		/* 4.6.4 */

enum spf_result {
	SPF_NONE,		/* no record */
	SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL,
	SPF_MANY,		/* records; 4.5 */
	SPF_BROKEN,		/* see .term */
	SPF_UNKNOWN,		/* answers are missing, or macros decide */
};

struct spf_verdict {
	enum spf_result result;
	unsigned records;	/* of the domain */
	unsigned lookups;	/* that the whole record may take */
	const char *term;	/* BROKEN: what nobody understands; else "+all" */
};

void
spf_judge(struct doctor_facts *facts, const char *domain,
	const struct network_address *address, struct spf_verdict *verdict);

#endif
