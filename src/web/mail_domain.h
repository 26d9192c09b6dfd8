/* For which mail domain a page is asked: by the host, and by the address. */
#ifndef WEB_MAIL_DOMAIN_H
#define WEB_MAIL_DOMAIN_H

#include "web/domains.h"
#include "web/page.h"

/*
 * The domain behind `label` ("autoconfig.") or the host itself. `address`: that
 * somebody has or will have; its domain counts where the host is the mail host
 * (or an address), and is nothing but that: nobody looks whether it exists. What
 * is not OURS has been answered.
 */
bool
mail_domain_find(const struct question *question, const char *label,
	struct span address, struct span *domain, struct answer *answer);

/* Is it something an address may look like? At most 320 octets, no blanks. */
bool
mail_domain_is_address(struct span address);

#endif
