package io.github.dl4jtorch.adapter.checkpoint;

import java.io.IOException;
import java.io.Serial;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.deeplearning4j.nn.api.layers.LayerConstraint;
import org.deeplearning4j.nn.conf.InputPreProcessor;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.distribution.Distribution;
import org.deeplearning4j.nn.conf.dropout.IDropout;
import org.deeplearning4j.nn.conf.graph.GraphVertex;
import org.deeplearning4j.nn.conf.inputs.InputType;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.variational.ReconstructionDistribution;
import org.deeplearning4j.nn.conf.stepfunctions.StepFunction;
import org.deeplearning4j.nn.conf.weightnoise.IWeightNoise;
import org.deeplearning4j.nn.weights.IWeightInit;
import org.deeplearning4j.nn.weights.embeddings.EmbeddingInitializer;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.regularization.Regularization;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.schedule.ISchedule;
import org.nd4j.shade.jackson.databind.JavaType;
import org.nd4j.shade.jackson.databind.JsonNode;
import org.nd4j.shade.jackson.databind.ObjectMapper;
import org.nd4j.shade.jackson.databind.type.TypeFactory;
import org.nd4j.shade.jackson.databind.util.LRUMap;
import org.nd4j.shade.jackson.databind.util.LookupCache;

/**
 * Reads DL4J's configuration of a network, which names the classes it is made of. DL4J takes any
 * class at its name, and a class does something when it is loaded already. Here a name is looked at
 * before, in whatever form it stands in the JSON.
 */
final class CheckpointConfiguration {

  /** Where the parts of a network's configuration live. */
  private static final List<String> PACKAGES =
      List.of(
          "org.deeplearning4j.nn.conf.",
          "org.deeplearning4j.nn.weights.",
          "org.deeplearning4j.nn.modelimport.keras.preprocessors.",
          "org.nd4j.linalg.activations.impl.",
          "org.nd4j.linalg.learning.config.",
          "org.nd4j.linalg.learning.regularization.",
          "org.nd4j.linalg.lossfunctions.impl.",
          "org.nd4j.linalg.schedule.",
          "io.github.dl4jtorch.");

  /** What these parts are. */
  private static final List<Class<?>> KINDS =
      List.of(
          Layer.class,
          GraphVertex.class,
          InputPreProcessor.class,
          InputType.class,
          IActivation.class,
          ILossFunction.class,
          IUpdater.class,
          ISchedule.class,
          Regularization.class,
          IWeightInit.class,
          EmbeddingInitializer.class,
          Distribution.class,
          ReconstructionDistribution.class,
          LayerConstraint.class,
          IDropout.class,
          IWeightNoise.class,
          StepFunction.class);

  private CheckpointConfiguration() {}

  /**
   * Reads a configuration whose classes are DL4J's, this library's or some others.
   *
   * @param own the others
   */
  static <C> C read(String json, Class<C> kind, Class<?>... own) throws IOException {
    Names names = new Names(own);
    try {
      C configuration =
          read(json, kind, NeuralNetConfiguration.mapper().copy().setTypeFactory(names));
      names.requireNoneRefused(null);
      return configuration;
    } catch (IOException | RuntimeException failed) {
      names.requireNoneRefused(failed);
      throw failed;
    }
  }

  /** Reads a configuration that a network of this process has just written. */
  static <C> C readOwn(String json, Class<C> kind) throws IOException {
    return read(json, kind, NeuralNetConfiguration.mapper());
  }

  private static <C> C read(String json, Class<C> kind, ObjectMapper mapper) throws IOException {
    requirePresentForm(CheckpointJson.tree(json));
    // A text, since DL4J's deserializers go back to the source.
    C configuration = mapper.readValue(json, kind);
    if (configuration == null) {
      throw new IOException("it has no configuration");
    }
    return configuration;
  }

  /**
   * Refuses what DL4J's first versions wrote, since it is read without regard to classes and sizes,
   * and arrays with another number of elements than their shape has.
   */
  private static void requirePresentForm(JsonNode node) throws IOException {
    if ((node.has("dist") && node.has("weightInit")) || node.has("dataBuffer")) {
      throw new IOException("its configuration is of another version of DL4J");
    }
    if (node.has("dataType") && node.path("shape").isArray() && node.path("data").isArray()) {
      long length = 1;
      for (JsonNode size : node.path("shape")) {
        boolean isSize = size.canConvertToInt() && size.isIntegralNumber() && size.intValue() >= 1;
        length = isSize ? Math.min(length * size.intValue(), Integer.MAX_VALUE) : 0;
      }
      if (length != node.path("data").size()) {
        throw new IOException(
            "its configuration has an array of shape "
                + node.path("shape")
                + " with "
                + node.path("data").size()
                + " numbers");
      }
    }
    for (JsonNode inner : node) {
      requirePresentForm(inner);
    }
  }

  /** Finds classes by their names for Jackson, which asks nobody else. */
  private static final class Names extends TypeFactory {

    @Serial private static final long serialVersionUID = 1L;

    private final transient Map<String, Class<?>> own;
    private transient @Nullable String refused;

    Names(Class<?>... own) {
      super((LookupCache<Object, JavaType>) new LRUMap<Object, JavaType>(16, 200));
      this.own = Stream.of(own).distinct().collect(Collectors.toMap(Class::getName, type -> type));
    }

    @Override
    public Class<?> findClass(String name) {
      Class<?> found = own.get(name);
      if (found == null && PACKAGES.stream().anyMatch(name::startsWith)) {
        found = part(name);
      }
      if (found == null) {
        refused = name;
        throw new IllegalArgumentException("the class " + name + " is refused");
      }
      return found;
    }

    /** Returns a class of these packages if it is a part of networks. */
    private @Nullable Class<?> part(String name) {
      try {
        Class<?> found = super.findClass(name);
        return KINDS.stream().anyMatch(kind -> kind.isAssignableFrom(found)) ? found : null;
      } catch (ClassNotFoundException none) {
        return null;
      }
    }

    /** Says which class was refused, if one was: whoever asked may have done without. */
    void requireNoneRefused(@Nullable Exception failure) throws IOException {
      if (refused != null) {
        throw new IOException(
            "its configuration has the class "
                + refused
                + ", which is none of DL4J's for networks, nor of this library's, and was not given"
                + " to load(file, classes)",
            failure);
      }
    }
  }
}
