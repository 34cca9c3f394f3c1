/**
 * PyTorch's optimizers as updaters of Deeplearning4j, with PyTorch's numbers: the same gradients
 * and rates give the same parameters, whatever the rate, momentum or beta1 do along the way.
 *
 * <p>{@link io.github.dl4jtorch.adapter.optim.Lion}, {@link io.github.dl4jtorch.adapter.optim.Lamb}
 * and the {@linkplain io.github.dl4jtorch.adapter.optim.ScheduleFreeUpdater Schedule-Free} ones,
 * which PyTorch itself has not, compute what their authors' papers and packages say.
 *
 * <p>An updater goes where any of DL4J's own goes. It sees gradients, never parameters, so weight
 * decay is DL4J's regularization: {@link io.github.dl4jtorch.adapter.optim.TorchOptimizer} sets an
 * updater and its weight decay together. {@link
 * io.github.dl4jtorch.adapter.optim.TorchBatchNormalization} is PyTorch's batch normalization,
 * which the numbers of a whole training need as well.
 */
@NullMarked
package io.github.dl4jtorch.adapter.optim;

import org.jspecify.annotations.NullMarked;
