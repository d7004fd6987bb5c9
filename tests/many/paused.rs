//! The nastiest pause: between the durable spend row and the first byte. Other processes come and go meanwhile.
