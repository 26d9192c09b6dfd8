/*
 * `auth --check`: reads virtual_alias_maps, as master passes it, from standard
 * input. What is wrong is one sentence on standard output, and 1 the result.
 */
#ifndef AUTH_CHECK_H
#define AUTH_CHECK_H

int
check_main(void);

#endif
