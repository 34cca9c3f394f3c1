/**
 * Training on Apache Spark: {@link io.github.dl4jtorch.examples.spark.TrainOnSpark} trains a
 * network by parameter averaging under a choice of schedules.
 */
@NullMarked
package io.github.dl4jtorch.examples.spark;

import org.jspecify.annotations.NullMarked;
