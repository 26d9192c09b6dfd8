/*
 * The wire names-admin: the keys of signed zones for the operator's command
 * (ARCHITECTURE.md 2.5).
 *
 *	KEY-LIST [origin=]	a row for each key
 *	KEY-ROLL origin=	another key from now on
 *	KEY-TOLD origin=	the parent has the DS that is waited for, or none
 *				any more; for parents that cannot be validated
 */
#ifndef NAMES_OPERATOR_H
#define NAMES_OPERATOR_H

#include "serve/listener.h"

void
operator_accept(struct lot *lot, struct incoming *incoming);

#endif
