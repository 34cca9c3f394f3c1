/**
 * Training Deeplearning4j networks on Apache Spark by parameter averaging. A pulled {@link
 * io.github.dl4jtorch.adapter.TorchSchedule} is right in every worker, in a {@code
 * ComputationGraph} with the hook {@link io.github.dl4jtorch.spark.GraphCounts}. What is done
 * between fits, a plateau's step or an average of weights, is done on the driver by a {@link
 * io.github.dl4jtorch.spark.SparkEpochLoop}. {@link
 * io.github.dl4jtorch.spark.ConfigurationRegistrator} is for clusters that use Kryo.
 */
@NullMarked
package io.github.dl4jtorch.spark;

import org.jspecify.annotations.NullMarked;
