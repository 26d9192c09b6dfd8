/* The words of posthouse dns. */
#ifndef CTL_DNS_H
#define CTL_DNS_H

#include "ctl/ctl.h"

/* Keys of signed zones, asked from names (dns_keys.c). */
int
dns_keys(struct ctl *ctl);
int
dns_roll(struct ctl *ctl);
int
dns_told(struct ctl *ctl);

#endif
