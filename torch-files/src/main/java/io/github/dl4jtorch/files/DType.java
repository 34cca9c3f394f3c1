package io.github.dl4jtorch.files;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/** What the elements of a {@link TorchTensor} are, under PyTorch's names. */
public enum DType {
  /** {@code torch.float64}, or {@code double}. */
  FLOAT64("float64", 8, "DoubleStorage", "F64"),
  /** {@code torch.float32}, or {@code float}. */
  FLOAT32("float32", 4, "FloatStorage", "F32"),
  /** {@code torch.float16}, or {@code half}. */
  FLOAT16("float16", 2, "HalfStorage", "F16"),
  /** {@code torch.bfloat16}: the upper half of a float32. */
  BFLOAT16("bfloat16", 2, "BFloat16Storage", "BF16"),
  /** {@code torch.float8_e4m3fn}: no infinities. */
  FLOAT8_E4M3FN("float8_e4m3fn", 1, null, "F8_E4M3"),
  /** {@code torch.float8_e5m2}: the upper half of a float16. */
  FLOAT8_E5M2("float8_e5m2", 1, null, "F8_E5M2"),
  /** {@code torch.complex64}: real and imaginary part as float32. */
  COMPLEX64("complex64", 8, "ComplexFloatStorage", "C64"),
  /** {@code torch.complex128}: real and imaginary part as float64. */
  COMPLEX128("complex128", 16, "ComplexDoubleStorage", null),
  /** {@code torch.int64}, or {@code long}. */
  INT64("int64", 8, "LongStorage", "I64"),
  /** {@code torch.int32}, or {@code int}. */
  INT32("int32", 4, "IntStorage", "I32"),
  /** {@code torch.int16}, or {@code short}. */
  INT16("int16", 2, "ShortStorage", "I16"),
  /** {@code torch.int8}. */
  INT8("int8", 1, "CharStorage", "I8"),
  /** {@code torch.uint64}. */
  UINT64("uint64", 8, null, "U64"),
  /** {@code torch.uint32}. */
  UINT32("uint32", 4, null, "U32"),
  /** {@code torch.uint16}. */
  UINT16("uint16", 2, null, "U16"),
  /** {@code torch.uint8}. */
  UINT8("uint8", 1, "ByteStorage", "U8"),
  /** {@code torch.bool}: a byte, 0 or 1. */
  BOOL("bool", 1, "BoolStorage", "BOOL");

  private final String torchName;
  private final int itemSize;
  private final @Nullable String storageClass;
  private final @Nullable String safetensorsName;

  DType(
      String torchName,
      int itemSize,
      @Nullable String storageClass,
      @Nullable String safetensorsName) {
    this.torchName = torchName;
    this.itemSize = itemSize;
    this.storageClass = storageClass;
    this.safetensorsName = safetensorsName;
  }

  /**
   * Returns PyTorch's name, without {@code torch.} before it.
   *
   * @return for example {@code float32}
   */
  public String torchName() {
    return torchName;
  }

  /**
   * Returns the size of an element.
   *
   * @return bytes, 1 to 16
   */
  public int itemSize() {
    return itemSize;
  }

  /**
   * Tells whether an element is a pair of real and imaginary part.
   *
   * @return true for complex64 and complex128
   */
  public boolean isComplex() {
    return this == COMPLEX64 || this == COMPLEX128;
  }

  /**
   * Tells whether the elements are whole numbers or booleans.
   *
   * @return true for the integers, signed and unsigned, and bool
   */
  public boolean isInteger() {
    return switch (this) {
      case INT64, INT32, INT16, INT8, UINT64, UINT32, UINT16, UINT8, BOOL -> true;
      default -> false;
    };
  }

  /** The class in torch that holds such elements, or null: newer kinds are kept as plain bytes. */
  @Nullable String storageClass() {
    return storageClass;
  }

  @Nullable String safetensorsName() {
    return safetensorsName;
  }

  static @Nullable DType ofTorchName(String name) {
    for (DType dtype : values()) {
      if (dtype.torchName.equals(name)) {
        return dtype;
      }
    }
    return null;
  }

  static @Nullable DType ofStorageClass(String name) {
    for (DType dtype : values()) {
      if (name.equals(dtype.storageClass)) {
        return dtype;
      }
    }
    return null;
  }

  static @Nullable DType ofSafetensorsName(String name) {
    for (DType dtype : values()) {
      if (name.equals(dtype.safetensorsName)) {
        return dtype;
      }
    }
    return null;
  }

  /** The kind of the numbers that an element consists of. */
  DType component() {
    return switch (this) {
      case COMPLEX64 -> FLOAT32;
      case COMPLEX128 -> FLOAT64;
      default -> this;
    };
  }

  /** How many numbers an element consists of. */
  int components() {
    return isComplex() ? 2 : 1;
  }

  double toDouble(ByteBuffer bytes, int at) {
    return switch (this) {
      case FLOAT64 -> bytes.getDouble(at);
      case FLOAT32 -> bytes.getFloat(at);
      case FLOAT16 -> ofHalf(bytes.getShort(at));
      case BFLOAT16 -> Float.intBitsToFloat(bytes.getShort(at) << 16);
      case FLOAT8_E5M2 -> ofHalf((short) (bytes.get(at) << 8));
      case FLOAT8_E4M3FN -> ofE4m3(bytes.get(at));
      case UINT64 -> {
        long value = bytes.getLong(at);
        // The lowest bit is kept, as it decides how a number in the middle is rounded.
        yield value >= 0 ? value : 2.0 * ((value >>> 1) | (value & 1));
      }
      default -> toLong(bytes, at);
    };
  }

  float toFloat(ByteBuffer bytes, int at) {
    // Through a double it would be rounded twice.
    return this == INT64 ? bytes.getLong(at) : (float) toDouble(bytes, at);
  }

  long toLong(ByteBuffer bytes, int at) {
    return switch (this) {
      case INT64, UINT64 -> bytes.getLong(at);
      case INT32 -> bytes.getInt(at);
      case UINT32 -> bytes.getInt(at) & 0xFFFFFFFFL;
      case INT16 -> bytes.getShort(at);
      case UINT16 -> bytes.getShort(at) & 0xFFFF;
      case INT8 -> bytes.get(at);
      case UINT8 -> bytes.get(at) & 0xFF;
      case BOOL -> bytes.get(at) == 0 ? 0 : 1;
      default -> throw new IllegalStateException(torchName + " holds no whole numbers");
    };
  }

  private static double ofHalf(short bits) {
    int exponent = bits >> 10 & 0x1F;
    int fraction = bits & 0x3FF;
    double magnitude;
    if (exponent == 0x1F) {
      magnitude = fraction == 0 ? Double.POSITIVE_INFINITY : Double.NaN;
    } else if (exponent == 0) {
      magnitude = Math.scalb((double) fraction, -24);
    } else {
      magnitude = Math.scalb((double) (fraction | 0x400), exponent - 25);
    }
    return bits < 0 ? -magnitude : magnitude;
  }

  private static double ofE4m3(byte bits) {
    int exponent = bits >> 3 & 0xF;
    int fraction = bits & 7;
    double magnitude;
    if (exponent == 0xF && fraction == 7) {
      magnitude = Double.NaN;
    } else if (exponent == 0) {
      magnitude = Math.scalb((double) fraction, -9);
    } else {
      magnitude = Math.scalb((double) (fraction | 8), exponent - 10);
    }
    return bits < 0 ? -magnitude : magnitude;
  }
}
