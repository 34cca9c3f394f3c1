package io.github.dl4jtorch.spark;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.serializers.JavaSerializer;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.nd4j.kryo.Nd4jRegistrator;

/**
 * Lets networks go to the workers of a Spark that writes with Kryo, whose version there knows no
 * records, which schedules are: has the configurations of networks written by Java, and arrays by
 * ND4J. Spark makes one by itself, of the name it is told:
 *
 * <pre>{@code
 * SparkConf conf =
 *     new SparkConf()
 *         .set("spark.serializer", KryoSerializer.class.getName())
 *         .set("spark.kryo.registrator", ConfigurationRegistrator.class.getName());
 * }</pre>
 *
 * <p>Without Kryo, as by default, it is not needed.
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
