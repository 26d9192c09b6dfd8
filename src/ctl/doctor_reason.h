/*
 * Why something failed, as others say it (the system, OpenSSL, libcurl, fetch):
 * English sentences that come as an argument of a finding, and are translated
 * like it when they are known.
 */
#ifndef CTL_DOCTOR_REASON_H
#define CTL_DOCTOR_REASON_H

#include "base/buffer.h"

typedef const char *
doctor_translate_function(const char *english);

/* The reason in the words of `translate`, or as it is when nobody knows it. */
void
doctor_reason_add(struct buffer *out, struct span reason,
	doctor_translate_function *translate);

#endif
