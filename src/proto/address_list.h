/*
 * Lists of addresses in header fields, changed without being written anew.
 * For reading them there is mime_parse_addresses (proto/mime.h).
 */
#ifndef PROTO_ADDRESS_LIST_H
#define PROTO_ADDRESS_LIST_H

#include "base/buffer.h"
#include "base/span.h"

/*
 * Copies the value of a field with addresses (RFC 5322 3.4) and adds "@domain"
 * to each that has none, as root or "a b". Names, comments, groups, line ends
 * and whatever is no address stay as they are. Twice is the same as once.
 */
void
address_list_complete(struct span value, struct span domain,
	struct buffer *out);

#endif
