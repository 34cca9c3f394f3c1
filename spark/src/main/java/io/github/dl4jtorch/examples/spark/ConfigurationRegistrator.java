package io.github.dl4jtorch.examples.spark;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.serializers.JavaSerializer;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.nd4j.kryo.Nd4jRegistrator;

/**
 * For Spark with Kryo, whose version there knows no records, which schedules are: has the
 * configurations of networks written by Java, and arrays by ND4J. To be named in {@code
 * spark.kryo.registrator}.
 */
public final class ConfigurationRegistrator extends Nd4jRegistrator {

  /** Makes the registrator, as Spark does. */
  public ConfigurationRegistrator() {}

  @Override
  public void registerClasses(Kryo kryo) {
    super.registerClasses(kryo);
    kryo.register(MultiLayerConfiguration.class, new JavaSerializer());
    kryo.register(ComputationGraphConfiguration.class, new JavaSerializer());
  }
}
