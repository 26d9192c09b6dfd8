/*
 * The wire names-records (ARCHITECTURE.md 2.7): what hostmaster knows of our
 * domains comes into their zones.
 */
#ifndef NAMES_RECORDS_H
#define NAMES_RECORDS_H

#include "serve/listener.h"

void
records_accept(struct lot *lot, struct incoming *incoming);

#endif
