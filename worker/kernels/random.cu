// Masks drawn by position: the numbers of worker/training/src/rng.rs (Salmon et al., SC 2011), four to a thread.
#include "common.cuh"

// Entry i is `value` where the bits with that number are below `threshold`, else 0.
extern "C" __global__ void draw_mask(float *to, Wide count, unsigned seed, unsigned purpose, Wide position,
                                     Wide threshold, float value) {
  Wide block = thread_place();
  if (block * 4 >= count) return;
  unsigned key[2] = {seed, purpose};
  unsigned counter[4] = {(unsigned)block, (unsigned)(block >> 32), (unsigned)position, (unsigned)(position >> 32)};
  for (int round = 0; round < 10; round++) {
    if (round > 0) {
      key[0] += 0x9E3779B9u;
      key[1] += 0xBB67AE85u;
    }
    Wide a = (Wide)counter[0] * 0xD2511F53u, b = (Wide)counter[2] * 0xCD9E8D57u;
    counter[0] = (unsigned)(b >> 32) ^ counter[1] ^ key[0];
    counter[1] = (unsigned)b;
    counter[2] = (unsigned)(a >> 32) ^ counter[3] ^ key[1];
    counter[3] = (unsigned)a;
  }
  for (unsigned word = 0; word < 4 && block * 4 + word < count; word++)
    to[block * 4 + word] = counter[word] < threshold ? value : 0.0f;
}
