/*
 * What the parent's DS says of our keys, as the resolver found it. Only what
 * was validated counts: a key is not followed by another because of a lie.
 */
#ifndef NAMES_SIGNER_DS_H
#define NAMES_SIGNER_DS_H

#include "names/message.h"
#include "names/signed_keys.h"

/* An answer that is not validated, or none, leaves *ds as it is. */
void
signer_ds_read(const struct message_answer *answer,
	const struct dns_name *origin, const struct signed_keys *keys,
	struct rollover_ds *ds);

#endif
