/*
 * How the doctor's findings are shown: at a terminal a list of the areas that
 * lives while they are looked at, then the findings by area in colour; as plain
 * lines elsewhere; or as JSON.
 */
#ifndef CTL_DOCTOR_SHOW_H
#define CTL_DOCTOR_SHOW_H

#include "ctl/doctor.h"

struct doctor_show {
	bool is_live, is_coloured;
	bool is_done[DOCTOR_AREAS];
};

void
doctor_show_begin(struct doctor_show *show, bool is_json);

/* This area has been looked at. */
void
doctor_show_area(struct doctor_show *show, enum doctor_area area);

/* The live list goes, what was found comes. */
void
doctor_show_end(struct doctor_show *show, const struct doctor_report *report,
	bool is_json);

/* The table of checks as Markdown, for doc/doctor.md. */
void
doctor_show_table(void);

#endif
