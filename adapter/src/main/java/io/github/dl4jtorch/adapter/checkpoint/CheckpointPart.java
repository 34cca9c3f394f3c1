package io.github.dl4jtorch.adapter.checkpoint;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Something more that belongs to a training and is kept in the same checkpoint, like an average of
 * the parameters. {@link CheckpointWriter#with(String, CheckpointPart)} takes it, and asks it anew
 * for what it holds whenever a checkpoint is saved; {@link TrainingCheckpoint#part(String)} gives
 * it back.
 */
public interface CheckpointPart {

  /**
   * Returns the part's plain values.
   *
   * @return values of Boolean, Integer, Long, Double, String, null, and Lists and Maps of these;
   *     every number comes back as it was, save that a Long that fits comes back as an Integer
   */
  Map<String, Object> values();

  /**
   * Returns the part's arrays.
   *
   * @return the arrays by name; they are written as they are when it is called, and come back with
   *     their data type and shape
   */
  Map<String, INDArray> arrays();
}
