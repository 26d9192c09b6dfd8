/*
 * What every fuzz target has: libFuzzer calls it with bytes of its invention,
 * run_seeds.c with those of the seeds. A target never returns other than 0;
 * what is wrong is an assert or a finding of the sanitizers.
 */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
