// A step of the plain recurrent cell, one thread to a unit of a sequence: see worker/training/src/model/rnn.rs.
#include "common.cuh"

// Pre-activations go in, activations stay.
extern "C" __global__ void rnn_forward(float *gates, const float *bias, const float *h, float *next_h, float *recurred,
                                       Step step) {
  Wide place = thread_place();
  if (place >= (Wide)step.rows * step.hidden) return;
  unsigned row = place / step.hidden, j = place % step.hidden;
  float made = tanhf(gates[place] + bias[j]);
  float fresh = made * entry(step.update, step.t, 0, row, j, 1.0f);
  float keep = entry(step.zoneout_state, step.t, 0, row, j, 0.0f);
  float next = fresh + keep * (h[place] - fresh);
  gates[place] = made;
  next_h[place] = next;
  recur(recurred, step, place, row, j, next);
}

// Gradients of the pre-activations take the place of the activations; `dh` leaves as what goes past the products.
extern "C" __global__ void rnn_backward(float *gates, float *dh, const float *above, const float *through, Step step) {
  Wide place = thread_place();
  if (place >= (Wide)step.rows * step.hidden) return;
  unsigned row = place / step.hidden, j = place % step.hidden;
  float made = gates[place], arrived = arriving(dh, above, through, step, place, row, j);
  float keep = entry(step.zoneout_state, step.t, 0, row, j, 0.0f);
  float update = entry(step.update, step.t, 0, row, j, 1.0f);
  dh[place] = arrived * keep;
  gates[place] = arrived * (1.0f - keep) * update * (1.0f - made * made);
}
