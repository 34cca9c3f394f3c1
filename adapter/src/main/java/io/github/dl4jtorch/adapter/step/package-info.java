/**
 * What PyTorch's training loops do between {@code loss.backward()} and {@code optimizer.step()}:
 * {@link io.github.dl4jtorch.adapter.step.GradientClipping clipping} and {@link
 * io.github.dl4jtorch.adapter.step.GradientAccumulation accumulating} gradients. {@link
 * io.github.dl4jtorch.adapter.step.Lookahead} comes after the step.
 */
@NullMarked
package io.github.dl4jtorch.adapter.step;

import org.jspecify.annotations.NullMarked;
